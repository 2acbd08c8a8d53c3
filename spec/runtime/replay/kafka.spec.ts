import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { codec, createApp, topic, type App, type AppConfig } from 'millrace'
import { askKafka, committedOffsets } from '../../support/kafka/ask.js'
import { describeKafka, uniqueName } from '../../support/kafka/index.js'
import { readCommitted } from '../../support/kafka/read-committed.js'
import { partitions, recordsOf, replayPlan, type ReplayInputs } from './plan.js'
import { atOnce, slowly, waysPlan, type Step } from './ways-plan.js'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const tuning = { sessionTimeout: '6s', heartbeatEvery: '300ms', fetchWait: '50ms' } as const

type PlanOf = (
  prefix: string,
  inputs: ReplayInputs,
) => { readonly outputs: Readonly<Record<string, { readonly name: string }>>; readonly define: (app: App) => void }
const ways =
  (step: Step): PlanOf =>
  (prefix, inputs) =>
    waysPlan(prefix, inputs, step)

describeKafka('a complete log, run again,', (kafka) => {
  it.each<readonly [string, PlanOf, PlanOf]>([
    ['with windows, joins and tables', replayPlan, replayPlan],
    ['with promises before they meet again, some of which outlast a rebalance', ways(atOnce), ways(slowly)],
  ])(
    'gives the same exactly-once to Java, byte for byte, in tiny fetches, while two members come and go: %s',
    async (_, planOf, planAgain) => {
      const id = uniqueName('replay')
      const { brokers } = kafka()
      const folder = mkdtempSync(join(tmpdir(), 'millrace-replay-'))
      const { inputs } = replayPlan(id)
      await write(brokers, id, folder)

      const outputs = async (name: string, of: PlanOf, run: (start: (config?: Partial<AppConfig>) => Promise<App>) => Promise<void>) => {
        // The same inputs; outputs of its own.
        const plan = of(`${id}-${name}`, inputs)
        const apps: App[] = []
        await run(async (config = {}) => {
          const app = createApp({
            id: `${id}-${name}`,
            brokers,
            stateDir: join(folder, name),
            delivery: 'exactly-once',
            logger: silent,
            tuning,
            ...config,
          })
          plan.define(app)
          apps.push(app)
          await app.start()
          return app
        })
        // `settled` speaks for what an app holds: the last one may not have been given yet what the one before has left.
        for (const input of Object.values(inputs)) await untilRead(brokers, `${id}-${name}`, input.name)
        await Promise.all(apps.map((app) => app.stop()))
        const records = await readCommitted(
          brokers,
          Object.values(plan.outputs).map((output) => output.name),
        )
        return records.map((all) =>
          Array.from({ length: partitions }, (_, p) =>
            all.filter(({ partition }) => partition === p).map(({ key, value }) => [key, value]),
          ),
        )
      }
      const expected = await outputs('once', planOf, async (start) => void (await start()))
      expect(expected.flat(2).length).toBeGreaterThan(1000)

      const tiny = { tuning: { ...tuning, fetchBytes: 400, dirtyBytes: 4096 } }
      const again = await outputs('again', planAgain, async (start) => {
        const first = await start(tiny)
        const second = await start(tiny)
        await first.stop()
        await start(tiny)
        await second.stop()
      })
      rmSync(folder, { recursive: true, force: true })

      expect(again).toEqual(expected)
    },
    180_000,
  )
})

const untilRead = async (brokers: readonly string[], group: string, name: string): Promise<void> => {
  const ends = await askKafka(brokers, (admin) => admin.fetchTopicOffsets(name))
  for (;;) {
    const read = await committedOffsets(brokers, group, name)
    if (ends.every(({ partition, offset }) => Number(offset) === Math.max(0, read[partition] ?? 0))) return
    await sleep(100)
  }
}

/** By an app without a pipeline worth the name: the log is complete when it has stopped. */
const write = async (brokers: readonly string[], id: string, folder: string): Promise<void> => {
  const app = createApp({ id: `${id}-writer`, brokers, stateDir: join(folder, 'writer'), logger: silent })
  const { inputs } = replayPlan(id)
  const nullable = (name: 'clicks' | 'views' | 'users') =>
    topic(inputs[name].name, { key: codec.string, value: codec.nullable(codec.string), partitions })
  for (const name of ['clicks', 'views', 'users'] as const) app.stream(nullable(name)).tap(() => undefined)
  await app.start()
  await Promise.all(recordsOf(900, 7).map(({ to, key, value, time }) => app.send(nullable(to), key, value, { timestamp: time })))
  await app.stop()
}

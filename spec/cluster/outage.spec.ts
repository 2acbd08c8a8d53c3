import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'millrace'
import { verdict } from '../crash/verdict.js'
import { describeKafka, startKafka, uniqueName, type KafkaHandle } from '../support/kafka/index.js'
import { FedApp, silent } from './fed-app.js'

/** Longer than a session. */
const outageMs = 12_000

describeKafka(
  'two apps, one for each delivery, whose only broker is away',
  () => {
    let kafka: KafkaHandle
    const warnings: object[] = []
    const logger: Logger = { ...silent, warn: (details) => void warnings.push(details) }
    let apps: readonly FedApp[] = []
    beforeAll(async () => {
      kafka = await startKafka()
      const modes = ['at-least-once', 'exactly-once'] as const
      apps = await Promise.all(modes.map((mode) => FedApp.start(uniqueName(mode), mode, kafka.brokers, { logger })))
    }, 180_000)
    afterAll(async () => {
      await Promise.all(apps.map((app) => app.stop()))
      await kafka.stop()
    }, 60_000)

    it.each([
      ['killed', () => kafka.kill(0), () => kafka.restart(0), 'connection'],
      ['stopped', () => kafka.kill(0, 'SIGSTOP'), () => kafka.kill(0, 'SIGCONT'), 'silence'],
    ] as const)(
      'pause while it is %s, say so, and go on when it is back: nothing is lost, and nothing twice where that was promised',
      async (_, take, giveBack, kind) => {
        for (const { feed } of apps) feed.start()
        await Promise.all(apps.map((app) => app.progress()))
        warnings.length = 0
        const before = apps.map(({ states }) => states.length)

        await take()
        await sleep(outageMs)
        const said = warnings.filter((warning) => 'kind' in warning && warning.kind === kind).length
        await giveBack()
        await Promise.all(apps.map((app) => app.progress()))
        const faults = await verdict(kafka.brokers, await Promise.all(apps.map((app) => app.work())))

        expect(faults).toEqual([])
        // Each app says it once in 10 s, however many of its connections fail, and how often.
        expect(said).toBeGreaterThanOrEqual(2)
        expect(said).toBeLessThanOrEqual(6)
        const seen = apps.map(({ states }, i) => states.slice(before[i]))
        for (const states of seen) for (const state of states) expect(['rebalancing', 'restoring', 'running']).toContain(state)
      },
      180_000,
    )
  },
  { ownCluster: true },
)

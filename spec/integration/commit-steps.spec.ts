import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../lib/core/clock.js'
import { codec } from '../../lib/core/codec.js'
import { RunnableApp } from '../../lib/runtime/app.js'
import { createOutput } from '../../lib/testing/output.js'
import { topic } from '../../lib/topology/topic.js'
import type { Log } from '../../lib/transport/embedded/log.js'
import { createMemoryLog } from '../../lib/transport/embedded/registry.js'
import { embeddedTransport, type EmbeddedTransport } from '../../lib/transport/embedded/transport.js'
import type { Member, Producer, Transport } from '../../lib/transport/port.js'

const input = topic('input', { key: codec.string, value: codec.number, partitions: 1 })
const counts = topic('counts', { key: codec.string, value: codec.number, partitions: 1 })

/** Where the process dies: what it has asked for last is not answered any more. */
type Death =
  | 'in step 2: the changelog was not written'
  | 'after step 2: the file was not written'
  | 'after step 3: the group was not told'
  | 'after step 4'

const dying = (transport: Transport, death: Death, died: () => void): Transport => {
  const silent = () => {
    died()
    return new Promise<never>(() => undefined)
  }
  const member = (of: Member): Member =>
    new Proxy(of, {
      get: (target, name) => {
        if (name === 'commit' && death === 'after step 3: the group was not told') return silent
        if (name === 'commit' && death === 'after step 4')
          return (offsets: Parameters<Member['commit']>[0]) => target.commit(offsets).then(silent)
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  const producer = (of: Producer): Producer => ({
    append: (at, record, delivery, origin) => {
      if (!at.topic.endsWith('-changelog')) return of.append(at, record, delivery, origin)
      if (death === 'in step 2: the changelog was not written') return died()
      const isFatal = death === 'after step 2: the file was not written'
      of.append(at, record, isFatal ? { delivered: died, failed: died } : delivery, origin)
    },
    flush: () => of.flush(),
    get pendingBytes() {
      return of.pendingBytes
    },
    close: () => of.close(),
  })
  return {
    describeTopics: (names) => transport.describeTopics(names),
    createTopics: (topics) => transport.createTopics(topics),
    listOffsets: (partitions, at) => transport.listOffsets(partitions, at),
    deleteRecords: (offsets) => transport.deleteRecords(offsets),
    read: (from) => transport.read(from),
    close: () => transport.close(),
    producer: async (options) => producer(await transport.producer(options)),
    transactionalProducer: (options) => transport.transactionalProducer(options),
    join: (options, listener) =>
      transport.join(
        options,
        new Proxy(listener, {
          get: (target, name) => {
            if (name === 'assigned')
              return (of: Member, partitions: Parameters<typeof target.assigned>[1]) => target.assigned(member(of), partitions)
            const value: unknown = Reflect.get(target, name, target)
            return typeof value === 'function' ? (value.bind(target) as unknown) : value
          },
        }),
      ),
  }
}

const started = async (log: Log, stateDir: string, wrap: (transport: Transport) => Transport) => {
  let transport: EmbeddedTransport | undefined
  const app = new RunnableApp(
    { id: 'app', stateDir, commitEvery: '5ms' },
    { transport: async () => wrap((transport = await embeddedTransport({ log, clock: systemClock }))), topicPartitions: 1 },
  )
  app.stream(input).groupByKey().count({ name: 'counts' }).toTopic(counts)
  await app.start()
  return {
    app,
    kill: () => {
      app.abandon()
      transport?.kill()
    },
  }
}

const runAndDie = async (death: Death, commitsBefore: number): Promise<{ readonly log: Log; readonly stateDir: string }> => {
  const log = createMemoryLog({ clock: systemClock })
  const stateDir = mkdtempSync(join(tmpdir(), 'millrace-steps-'))
  for (let i = 0; i < commitsBefore; i++) {
    const { app } = await started(log, stateDir, (transport) => transport)
    await app.send(input, 'k', 1)
    await app.settled()
    await app.stop()
  }
  const { promise, died } = signal()
  const { app, kill } = await started(log, stateDir, (transport) => dying(transport, death, died))
  for (let i = 0; i < 3; i++) await app.send(input, 'k', 1)
  await app.send(input, 'other', 1)
  await promise
  kill()
  return { log, stateDir }
}

const signal = () => {
  let died = (): void => undefined
  const promise = new Promise<void>((resolve) => (died = resolve))
  return { promise, died: () => died() }
}

const countedAfter = async (log: Log, stateDir: string): Promise<ReadonlyMap<string, number>> => {
  const { app } = await started(log, stateDir, (transport) => transport)
  await app.send(input, 'k', 1)
  await app.settled()
  await app.stop()
  rmSync(stateDir, { recursive: true, force: true })
  return createOutput(counts, log).toMap()
}

const deaths: readonly Death[] = [
  'in step 2: the changelog was not written',
  'after step 2: the file was not written',
  'after step 3: the group was not told',
  'after step 4',
]

describe.each([0, 1])('a process that dies in a commit, the one after %i others', (commitsBefore) => {
  it.each(deaths)('%s: counts every input once on the same disk', async (death) => {
    const { log, stateDir } = await runAndDie(death, commitsBefore)

    expect(await countedAfter(log, stateDir)).toEqual(
      new Map([
        ['k', commitsBefore + 4],
        ['other', 1],
      ]),
    )
  })

  it.each(deaths)('%s: loses nothing with the disk', async (death) => {
    const { log, stateDir } = await runAndDie(death, commitsBefore)
    rmSync(stateDir, { recursive: true, force: true })

    const counted = await countedAfter(log, stateDir)

    expect(counted.get('k')).toBeGreaterThanOrEqual(commitsBefore + 4)
    expect(counted.get('k')).toBeLessThanOrEqual(commitsBefore + 7)
  })
})

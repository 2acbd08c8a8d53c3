import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { codec, createApp, isMillraceError, policy, topic, type App, type AppConfig, type KTable, type Logger, type Topic } from 'millrace'
import { systemClock } from '../../lib/core/clock.js'
import type { Compression } from '../../lib/transport/batch/compression.js'
import { compressionOf } from '../../lib/transport/batch/header.js'
import { kafkaTransport } from '../../lib/transport/kafkajs/transport.js'
import type { Transport } from '../../lib/transport/port.js'
import { readCommitted } from '../support/kafka/read-committed.js'
import { describeKafka, startKafka, uniqueName, type KafkaHandle } from '../support/kafka/index.js'

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const quick = { sessionTimeout: '3s', heartbeatEvery: '300ms', fetchWait: '50ms' } as const

/** Apps, topics and folders of one test, gone after it. */
const setUp = (brokers: readonly string[]) => {
  const id = uniqueName('app')
  const stateDir = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
  const apps: App[] = []
  const text = (name: string): Topic<string, string> => topic(`${id}-${name}`, { key: codec.string, value: codec.string, partitions: 4 })
  const number = (name: string): Topic<string, number> => topic(`${id}-${name}`, { key: codec.string, value: codec.number, partitions: 4 })
  return {
    id,
    lines: text('lines'),
    counts: number('counts'),
    text,
    number,
    app: (config: Partial<AppConfig> = {}): App => {
      const app = createApp({ id, brokers, stateDir, logger: silent, tuning: quick, ...config })
      apps.push(app)
      return app
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(apps.map((app) => app.stop()))
      rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

const wordCount = (app: App, lines: Topic<string, string>, counts: Topic<string, number>): KTable<string, number> => {
  const words = app
    .stream(lines)
    .flatMap((line) => line.split(' '))
    .groupBy((word) => word, codec.string)
    .count({ name: 'words' })
  words.toTopic(counts)
  return words
}

const rowsOf = async <V>(...tables: readonly KTable<string, V>[]): Promise<ReadonlyMap<string, V>> => {
  const rows = new Map<string, V>()
  for (const table of tables) for await (const [key, value] of table.entries()) rows.set(key, value)
  return rows
}

/** How the batches of a topic are compressed. */
const compressionsIn = async (transport: Transport, name: string): Promise<ReadonlySet<Compression | null>> => {
  const at = [0, 1, 2, 3].map((partition) => ({ topic: name, partition }))
  const ends = new Map((await transport.listOffsets(at, 'stable')).map(({ partition, offset }) => [partition, offset]))
  const starts = await transport.listOffsets(at, 'earliest')
  for (const { partition, offset } of starts) if (ends.get(partition) === offset) ends.delete(partition)
  const reader = transport.read(starts)
  const found = new Set<Compression | null>()
  while (ends.size > 0) {
    for (const { partition, batches, nextOffset } of await reader.next()) {
      for (const batch of batches) found.add(compressionOf(batch))
      if (nextOffset >= (ends.get(partition) ?? 0)) ends.delete(partition)
    }
  }
  await reader.close()
  return found
}

/** Of the one partition that has four records the first three. */
const loseThree = async (brokers: readonly string[], name: string): Promise<void> => {
  const transport = kafkaTransport({ brokers, clientId: 'look', clock: systemClock })
  const all = [0, 1, 2, 3].map((partition) => ({ topic: name, partition }))
  const full = (await transport.listOffsets(all, 'end')).filter(({ offset }) => offset === 4)
  await transport.deleteRecords(full.map((at) => ({ ...at, offset: 3 })))
  await transport.close()
}

/** Asks until the answer fits; a table that is being handed on says so and is asked again. */
const until = async <A>(ask: () => Promise<A>, fits: (answer: A) => boolean): Promise<void> => {
  for (;;) {
    const answer = await ask().catch((error: unknown) => {
      if (isMillraceError(error, 'MR_STORE_NOT_HERE')) return null
      throw error
    })
    if (answer !== null && fits(answer)) return
    await new Promise((next) => setImmediate(next))
  }
}

describeKafka('an app', (kafka) => {
  it('goes on where the last run stopped, and has nothing to complain of', async () => {
    await using on = setUp(kafka().brokers)
    const warnings: unknown[] = []
    for (let run = 1; run <= 2; run++) {
      const app = on.app({ logger: { ...silent, warn: (details) => void warnings.push(details) } })
      const words = wordCount(app, on.lines, on.counts)
      await app.start()
      await app.send(on.lines, 'k', 'to be or not to be')
      await app.settled()

      expect(await rowsOf(words)).toEqual(
        new Map([
          ['to', 2 * run],
          ['be', 2 * run],
          ['or', run],
          ['not', run],
        ]),
      )
      await app.stop()
    }
    expect(warnings).toEqual([])
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'writes inputs, changelog and outputs in %s, which the Java client reads and it restores from',
    async (compression) => {
      await using on = setUp(kafka().brokers)
      const customers = Array.from({ length: 300 }, (_, i) => `customer-number-${i}`).join(' ')
      for (const delivery of ['at-least-once', 'exactly-once'] as const) {
        const app = on.app({ delivery, stateDir: ':memory:', tuning: { ...quick, compression } })
        const words = wordCount(app, on.lines, on.counts)
        await app.start()
        for (let i = 0; i < 20; i++) await app.send(on.lines, 'k', customers)
        await app.settled()

        expect((await rowsOf(words)).get('customer-number-7')).toBe(delivery === 'at-least-once' ? 20 : 40)
        await app.stop()
      }
      const transport = kafkaTransport({ brokers: kafka().brokers, clientId: 'look', clock: systemClock })
      const names = [on.lines.name, on.counts.name, `${on.id}-words-changelog`]
      const seen = await Promise.all(names.map((name) => compressionsIn(transport, name)))
      await transport.close()
      expect(seen.map((found) => found.has(compression))).toEqual(names.map(() => true))
      const [java = []] = await readCommitted(kafka().brokers, [on.counts.name])
      expect(java.filter(({ key }) => key === 'customer-number-7')).not.toEqual([])
    },
  )

  it('shares its partitions with another of its name, hands them on, and counts every word once', async () => {
    await using on = setUp(kafka().brokers)
    const [a, b] = [on.app(), on.app()]
    const [wordsOfA, wordsOfB] = [wordCount(a, on.lines, on.counts), wordCount(b, on.lines, on.counts)]
    const send = (from: number, to: number) =>
      Promise.all(Array.from({ length: to - from }, (_, i) => a.send(on.lines, `line-${from + i}`, `all word-${(from + i) % 10}`)))
    await a.start()
    await send(0, 50)
    const joining = b.start()
    await send(50, 100)
    await joining
    await send(100, 150)
    await Promise.all([a.settled(), b.settled()])
    await Promise.all([a.settled(), b.settled()])

    expect(await rowsOf(wordsOfA, wordsOfB)).toEqual(
      new Map([['all', 150], ...Array.from({ length: 10 }, (_, i) => [`word-${i}`, 15] as const)]),
    )
    await b.stop()
    await send(150, 200)
    // The group has still to notice that b has left; until then a settles for its own partitions.
    await until(
      async () => (await rowsOf(wordsOfA)).get('all'),
      (n) => n !== undefined && n >= 200,
    )
    await a.settled()

    expect((await rowsOf(wordsOfA)).get('all')).toBe(200)
  })

  it('comes back to the partitions whose state it has on disk, and the others keep theirs', async () => {
    await using on = setUp(kafka().brokers)
    const start = async () => {
      const app = on.app()
      const words = wordCount(app, on.lines, on.counts)
      await app.start()
      return { app, words }
    }
    const heldBy = async ({ words }: { readonly words: KTable<string, number> }) => [...(await rowsOf(words)).keys()].sort()
    const everywhere = (members: readonly { readonly words: KTable<string, number> }[]) =>
      until(
        () => Promise.all(members.map(heldBy)),
        (held) => held.flat().length === 40 && held.every((words) => words.length > 0),
      )
    const [a, b] = [await start(), await start()]
    await a.app.send(on.lines, 'k', Array.from({ length: 40 }, (_, i) => `word-${i}`).join(' '))
    await everywhere([a, b])
    const before = [await heldBy(a), await heldBy(b)]

    await b.app.stop()
    const again = await start()
    await everywhere([a, again])

    expect([await heldBy(a), await heldBy(again)]).toEqual(before)
  })

  it('goes on where its source says when the log has lost what it had not read yet', async () => {
    await using on = setUp(kafka().brokers)
    const run = async (onOutOfRange: 'fail' | 'earliest' | 'latest', work: (app: App, passed: string[]) => Promise<void>) => {
      const passed: string[] = []
      const app = on.app({ id: `${on.id}-${onOutOfRange}`, stateDir: ':memory:' })
      app.stream(on.lines, { onOutOfRange }).tap((line) => void passed.push(line))
      await app.start()
      await work(app, passed)
      await app.stop()
      return passed
    }
    const send = (app: App, ...lines: readonly string[]) => Promise.all(lines.map((line) => app.send(on.lines, 'k', line)))
    const writer = on.app({ id: `${on.id}-writer`, stateDir: ':memory:' })
    writer.stream(on.lines).tap(() => undefined)
    await writer.start()
    await send(writer, 'read')
    for (const policy of ['fail', 'earliest', 'latest'] as const) await run(policy, (app) => app.settled())

    await send(writer, 'lost', 'lost too', 'left')
    await loseThree(kafka().brokers, on.lines.name)
    const failure = await run('fail', (app) => app.done).catch((error: unknown) => error)
    const fromEarliest = await run('earliest', (app) => app.settled())
    const fromLatest = await run('latest', async (app, passed) => {
      await app.settled()
      await send(app, 'new')
      await until(
        () => Promise.resolve(passed),
        ({ length }) => length > 0,
      )
    })

    expect(failure).toMatchObject({ code: 'MR_OUT_OF_RANGE' })
    expect(fromEarliest).toEqual(['left'])
    expect(fromLatest).toEqual(['new'])
  })

  it('sets records aside in a topic it has made', async () => {
    await using on = setUp(kafka().brokers)
    const app = on.app({ onError: policy.deadLetter() })
    const json = topic(on.lines.name, { key: codec.string, value: codec.json<{ n: number }>(), partitions: 4 })
    app
      .stream(json)
      .map(({ n }) => n)
      .toTopic(on.counts)
    const letters: (string | undefined)[] = []
    const undertaker = on.app({ id: `${on.id}-undertaker` })
    await app.start()
    undertaker
      .stream(topic(`${on.id}-dead`, { key: codec.string, value: codec.string }))
      .each((value, { headers }) => void letters.push(value, headers.text('__streams.errors.exception')))
    await app.send(on.lines, 'k', 'not json')
    await app.send(on.lines, 'k', '{"n":1}')
    await app.settled()
    await undertaker.start()
    await undertaker.settled()

    expect(letters).toEqual(['not json', 'MR_DECODE'])
  })

  it('says what is wrong with its topics before it reads any', async () => {
    await using on = setUp(kafka().brokers)
    const start = async (define: (app: App) => unknown, id = on.id) => {
      const app = on.app({ id })
      define(app)
      return app.start().catch((error: unknown) => error)
    }
    const missing = topic(`${on.id}-nowhere`, { key: codec.string, value: codec.string })
    expect(await start((app) => app.stream(missing).toTopic(on.text('out')))).toMatchObject({ code: 'MR_TOPIC_MISSING' })
    expect(await start((app) => app.stream(on.lines).toTopic(missing))).toMatchObject({ code: 'MR_TOPIC_MISSING' })
    expect(await start((app) => app.stream(on.lines).toTopic(on.text('out')))).toBeUndefined()
    const three = topic(on.lines.name, { key: codec.string, value: codec.string, partitions: 3 })
    expect(await start((app) => app.stream(three).toTopic(on.text('out')))).toMatchObject({ code: 'MR_TOPIC_PARTITIONS' })

    const admin = new Kafka({ brokers: kafka().brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: `${on.id}-old-words-changelog`, numPartitions: 7 }], waitForLeaders: true })
    await admin.disconnect()
    expect(await start((app) => app.stream(on.lines).groupByKey().count({ name: 'words' }), `${on.id}-old`)).toMatchObject({
      code: 'MR_TOPIC_PARTITIONS',
    })
  })

  it('fails when a topic is deleted under it', async () => {
    await using on = setUp(kafka().brokers)
    const app = on.app()
    app.stream(on.lines).each(() => undefined)
    await app.start()
    const admin = new Kafka({ brokers: kafka().brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [on.lines.name] })
    await admin.disconnect()

    await expect(app.done).rejects.toMatchObject({ code: 'MR_TOPIC_DELETED' })
  }, 90_000)
})

describeKafka(
  'an app whose broker goes away and comes back',
  () => {
    let kafka: KafkaHandle
    beforeAll(async () => (kafka = await startKafka()), 120_000)
    afterAll(() => kafka.stop())

    it('goes on by itself and loses nothing', async () => {
      await using on = setUp(kafka.brokers)
      const app = on.app()
      const counted = app.stream(on.lines).groupByKey().count({ name: 'lines' })
      await app.start()
      const before = Promise.all(Array.from({ length: 200 }, (_, i) => app.send(on.lines, `k${i % 10}`, 'x')))
      await before
      await kafka.kill(0, 'SIGKILL')
      const during = Promise.all(Array.from({ length: 200 }, (_, i) => app.send(on.lines, `k${i % 10}`, 'x')))
      await kafka.restart(0)
      await during
      await app.settled()

      await until(
        () => rowsOf(counted),
        (rows) => rows.size === 10,
      )

      expect(await rowsOf(counted)).toEqual(new Map(Array.from({ length: 10 }, (_, i) => [`k${i}`, 40] as const)))
    }, 120_000)
  },
  { ownCluster: true },
)

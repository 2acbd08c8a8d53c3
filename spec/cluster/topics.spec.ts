import { Kafka, logLevel, type Transaction } from 'kafkajs'
import { codec, isMillraceError, type App, type Topic } from 'millrace'
import { recordCount } from '../../lib/transport/batch/header.js'
import type { Transport } from '../../lib/transport/port.js'
import type { Mode } from '../crash/steps.js'
import { askKafka } from '../support/kafka/ask.js'
import { describeKafka, kafkaVersions, startKafka, uniqueName, type KafkaHandle } from '../support/kafka/index.js'
import { byKey, same, underBoth, Workplace } from './workplace.js'

const mebibyte = 1024 * 1024
const brokerProperties = {
  'message.max.bytes': String(2 * mebibyte),
  // Segments are closed after a second, and whatever was overwritten is taken out as soon as they are.
  'log.roll.ms': '1000',
  'log.segment.bytes': String(3 * mebibyte),
  'log.cleaner.max.compaction.lag.ms': '1000',
  'log.cleaner.delete.retention.ms': '100',
  'log.cleaner.min.cleanable.ratio': '0.001',
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const codeOf = (error: unknown): unknown => (isMillraceError(error) ? error.code : error)
const keys = ['a', 'b', 'c']
const upTo = (count: number): string[] => range(1, count + 1).map(String)

describe.each(Object.values(kafkaVersions))('on Kafka %s', (version) => {
  describeKafka(
    'an app, at-least-once and exactly-once,',
    () => {
      let kafka: KafkaHandle
      /** What apps fail with whose topic has more partitions than it had: they look every 30 s, and the other specs go on meanwhile. */
      let grown: Promise<Readonly<Record<Mode, unknown>>>
      beforeAll(async () => {
        kafka = await startKafka({ version, props: brokerProperties })
        grown = underBoth(async (mode) => {
          await using at = new Workplace(kafka.brokers, mode)
          const input = at.text('in')
          const app = await at.start(counting(input))
          await addPartition(kafka.brokers, input.name)
          return await app.done.catch(String)
        })
        grown.catch(() => undefined)
      }, 120_000)
      afterAll(() => kafka.stop())

      it('reads what the transactions of others have committed, and nothing of what they have aborted', async () => {
        const results = await underBoth(async (mode) => {
          await using at = new Workplace(kafka.brokers, mode)
          const [input, passed, counts] = [at.text('in'), at.text('passed'), at.text('counts')]
          const app = await at.start((app) => {
            const source = app.stream(input)
            source.toTopic(passed)
            source.groupByKey().count({ name: 'counts' }).toStream().map(String).toTopic(counts)
          })
          await writeInTurns(kafka.brokers, input.name)
          await app.settled()

          return { passed: byKey(await at.judged(passed)), counts: byKey(await at.judged(counts)) }
        })

        expect(results).toEqual(same({ passed: { k: range(0, 8).map((i) => `keep ${i}`) }, counts: { k: upTo(8) } }))
      }, 60_000)

      it('takes records of 1 MiB in, through a repartition topic and a changelog, and out', async () => {
        const results = await underBoth(async (mode) => {
          await using at = new Workplace(kafka.brokers, mode)
          const [input, newest] = [at.text('in'), at.text('newest')]
          const define = (app: App) =>
            app
              .stream(input)
              .keyBy((value) => `k${parseInt(value) % 3}`, codec.string)
              .toTable({ name: 'newest' })
              .toStream()
              .toTopic(newest)
          const send = (app: App, i: number) => app.send(input, 'k', `${i}`.padEnd(mebibyte, '.'))
          await at.run(define, async (app) => {
            for (const i of range(0, 12)) await send(app, i)
          })
          at.loseDisk()
          await at.run(define, (app) => send(app, 12))

          const found = Object.entries(byKey(await at.judged(newest)))
          return found.map(([key, values]) => [key, values.map((value) => [value?.length, parseInt(value ?? '')])])
        })

        const whole = (...numbers: readonly number[]) => numbers.map((i) => [mebibyte, i])
        expect(results['at-least-once']).toEqual(expect.arrayContaining(results['exactly-once']))
        expect(Object.fromEntries(results['exactly-once'])).toEqual({
          k0: whole(0, 3, 6, 9, 12),
          k1: whole(1, 4, 7, 10),
          k2: whole(2, 5, 8, 11),
        })
      }, 120_000)

      it('restores tables while source and changelog are compacted, past batches that are left empty', async () => {
        const results = await underBoth(async (mode) => {
          await using at = new Workplace(kafka.brokers, mode)
          const [prices, orders, joined] = [at.text('prices'), at.text('orders'), at.text('joined')]
          const define = (app: App) => {
            const table = app.table(prices)
            const counted = app.stream(orders).groupByKey().count({ name: 'counts' }).toStream()
            counted.join(table, (count, price) => `${count} at ${price}`).toTopic(joined)
          }
          const compacted = [prices.name, `${at.id}-counts-changelog`]
          await at.create(prices, { 'cleanup.policy': 'compact' })
          // Each run has other producers: of the last batch of each, compaction keeps the header.
          let rounds = 0
          for (let empty: readonly number[] = []; rounds < 4 || (empty.includes(0) && rounds < 30); rounds++) {
            await at.run(define, async (app) => {
              for (const i of range(0, 20)) await Promise.all(keys.map((key) => app.send(prices, key, `${rounds}.${i}`)))
              await app.settled()
              await Promise.all(keys.map((key) => app.send(orders, key, 'x')))
            })
            at.loseDisk()
            empty = await Promise.all(compacted.map((name) => emptyBatchesIn(at.transport, name)))
          }
          await using other = new Workplace(kafka.brokers, mode)
          const copy = other.text('copy')
          await other.run(
            (app) => app.stream(prices).toTopic(copy),
            () => Promise.resolve(),
          )

          return {
            joined: byKey(await at.judged(joined)),
            isSeen: range(0, rounds).map((round) => `${round + 1} at ${round}.19`),
            copied: Object.values(byKey(await other.judged(copy))).map((values) => values.at(-1)),
            hasEmptyBatches: (await Promise.all(compacted.map((name) => emptyBatchesIn(at.transport, name)))).map((count) => count > 0),
          }
        })

        for (const { joined, isSeen, copied, hasEmptyBatches } of Object.values(results)) {
          expect(joined).toEqual(Object.fromEntries(keys.map((key) => [key, isSeen])))
          expect(copied).toEqual(keys.map(() => isSeen.at(-1)?.split(' ').at(-1)))
          expect(hasEmptyBatches).toEqual([true, true])
        }
      }, 120_000)

      it('fails when its group hands out partitions that were not there at its start', async () => {
        const results = await underBoth(async (mode) => {
          await using at = new Workplace(kafka.brokers, mode)
          const input = at.text('in')
          const [staying, leaving] = [await at.start(counting(input)), await at.start(counting(input))]
          await addPartition(kafka.brokers, input.name)
          await leaving.stop()

          return await staying.done.catch(codeOf)
        })

        expect(results).toEqual(same('MR_TOPIC_PARTITIONS'))
      }, 60_000)

      it('goes on as its policy says when a source is deleted and created again', async () => {
        const results = await underBoth(async (mode) => {
          await using at = new Workplace(kafka.brokers, mode)
          await using patient = new Workplace(kafka.brokers, mode)
          const [input, strict, lenient] = [at.text('in'), at.text('passed'), patient.text('passed')]
          await at.create(input)
          const failing = await at.start((app) => app.stream(input).toTopic(strict))
          const going = await patient.start((app) => app.stream(input, { onOutOfRange: 'earliest' }).toTopic(lenient))
          for (const i of range(0, 20)) await going.send(input, 'k', `old ${i}`)
          await going.settled()
          await askKafka(kafka.brokers, (admin) => admin.deleteTopics({ topics: [input.name] }))
          await at.createAgain(input)
          for (const i of range(0, 3)) await going.send(input, 'k', `new ${i}`)
          const code = await failing.done.catch(codeOf)
          await going.settled()

          return { code, passed: await patient.judged(lenient) }
        })

        const passed = [...range(0, 20).map((i) => ['k', `old ${i}`]), ...range(0, 3).map((i) => ['k', `new ${i}`])]
        expect(results).toEqual(same({ code: 'MR_OUT_OF_RANGE', passed }))
      }, 90_000)

      it('refuses to read a table beyond the end of its log', async () => {
        const results = await underBoth(async (mode) => {
          await using at = new Workplace(kafka.brokers, mode)
          const input = at.text('in')
          await at.create(input, { 'cleanup.policy': 'compact' })
          const partitions = [0, 1].map((partition) => ({ partition, offset: '1000' }))
          await askKafka(kafka.brokers, (admin) => admin.setOffsets({ groupId: at.id, topic: input.name, partitions }))
          const app = await at.start((app) => app.table(input).toStream().toTopic(at.text('out')))

          return await app.done.catch(codeOf)
        })

        expect(results).toEqual(same('MR_OUT_OF_RANGE'))
      }, 60_000)

      it('says what to do, within half a minute, when partitions are added to a source', async () => {
        // Said by the look itself, or by the group if kafkajs has looked first.
        const said =
          /MR_TOPIC_PARTITIONS: .* had 2 partitions when the app started, and has (at least )?3 now: restart the app; a keyed state/

        expect(await grown).toEqual(same(expect.stringMatching(said)))
      }, 60_000)
    },
    { version, ownCluster: true },
  )
})

const counting = (input: Topic<string, string>) => (app: App) => app.stream(input).groupByKey().count({ name: 'counts' })

const addPartition = (brokers: readonly string[], topic: string): Promise<unknown> =>
  askKafka(brokers, (admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }))

/** Two producers in one partition: what one of them writes is aborted, and lies between what the other commits. */
const writeInTurns = async (brokers: readonly string[], topic: string): Promise<void> => {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const producers = ['keeper', 'dropper'].map((name) =>
    kafka.producer({ transactionalId: uniqueName(name), maxInFlightRequests: 1, createPartitioner: () => () => 0 }),
  )
  await Promise.all(producers.map((producer) => producer.connect()))
  const write = (transaction: Transaction, value: string) => transaction.send({ topic, messages: [{ key: 'k', value, partition: 0 }] })
  for (const round of range(0, 4)) {
    const [kept, dropped] = (await Promise.all(producers.map((producer) => producer.transaction()))) as [Transaction, Transaction]
    for (const half of [0, 1]) {
      await write(dropped, 'drop')
      await write(kept, `keep ${2 * round + half}`)
    }
    await write(dropped, 'drop')
    if (round % 2 === 0) await kept.commit()
    await dropped.abort()
    if (round % 2 === 1) await kept.commit()
  }
  await Promise.all(producers.map((producer) => producer.disconnect()))
}

/** How many batches lie in the first partition of which compaction has left nothing but the header. */
const emptyBatchesIn = async (transport: Transport, topic: string): Promise<number> => {
  const at = { topic, partition: 0 }
  const [end] = await transport.listOffsets([at], 'end')
  const reader = transport.read([{ ...at, offset: 0 }])
  let empty = 0
  for (let next = 0; next < (end?.offset ?? 0);) {
    for (const chunk of await reader.next()) {
      empty += chunk.batches.filter((batch) => recordCount(batch) === 0).length
      next = chunk.nextOffset
    }
  }
  await reader.close()
  return empty
}

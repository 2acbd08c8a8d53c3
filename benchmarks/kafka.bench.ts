/**
 * Beside the loop one would write with kafkajs, on one real broker: `KAFKA_BROKERS`, or one that is started here.
 * Both read the same topic, emit every result in sends of at most 1,000 records, and commit what they have emitted.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, Partitioners, type Consumer, type EachBatchPayload, type Message, type Producer } from 'kafkajs'
import { systemClock } from '../lib/core/clock.js'
import { codec } from '../lib/core/codec.js'
import { noHeaders } from '../lib/core/headers.js'
import { partitionOf } from '../lib/core/murmur2.js'
import type { App } from '../lib/dsl/surface.js'
import { createApp } from '../lib/runtime/app.js'
import { topic } from '../lib/topology/topic.js'
import { kafkaTransport } from '../lib/transport/kafkajs/transport.js'
import { startKafka } from '../spec/support/kafka/broker.js'
import { bench } from './harness.js'

interface Order {
  readonly id: string
  readonly user: string
  readonly amount: number
  readonly note: string
}
const records = 1_000_000
const partitions = 4
const keys = 100_000
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const orders = topic('bench.orders', { key: codec.string, value: codec.json<Order>(), partitions })
const large = topic('bench.orders.large', { key: codec.string, value: codec.json<{ id: string; cents: number }>(), partitions })
const counts = topic('bench.orders.counts', { key: codec.string, value: codec.number, partitions })

const fill = async (brokers: readonly string[]): Promise<void> => {
  const transport = kafkaTransport({ brokers, clientId: 'fill', clock: systemClock })
  await transport.createTopics([orders, large, counts].map(({ name }) => ({ name, partitions, config: { 'retention.ms': '-1' } })))
  const producer = await transport.producer()
  for (let from = 0; from < records; from += 20_000) {
    await new Promise<void>((resolve, reject) => {
      let left = 20_000
      const delivery = { delivered: (n: number) => ((left -= n) === 0 ? resolve() : undefined), failed: reject }
      for (let i = from; i < from + 20_000; i++) {
        const user = `user-${String((i * 7919) % keys).padStart(6, '0')}`
        const order: Order = { id: `order-${i}`, user, amount: (i * 31) % 200, note: 'a note that makes it a hundred' }
        const key = Buffer.from(user)
        const record = { key, value: Buffer.from(JSON.stringify(order)), timestamp: 1_700_000_000_000 + i, headers: noHeaders }
        producer.append({ topic: orders.name, partition: partitionOf(key, partitions) }, record, delivery, null)
      }
    })
  }
  await producer.close()
  await transport.close()
}

/* --------------------------------------------------------------- by hand */

let run = 0
const byHand = async (brokers: readonly string[], to: string, each: (payload: EachBatchPayload) => Message[]): Promise<void> => {
  const kafka = new Kafka({ clientId: 'hand', brokers: [...brokers], logLevel: logLevel.NOTHING })
  const producer: Producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const consumer: Consumer = kafka.consumer({ groupId: `hand-${run++}`, maxWaitTimeInMs: 100 })
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topic: orders.name, fromBeginning: true })
  let seen = 0
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    const eachBatch = async (payload: EachBatchPayload): Promise<void> => {
      const { batch, heartbeat } = payload
      const messages = each(payload)
      for (let from = 0; from < messages.length; from += 1000) {
        await producer.send({ topic: to, messages: messages.slice(from, from + 1000) })
        await heartbeat()
      }
      await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: String(Number(batch.lastOffset()) + 1) }])
      if ((seen += batch.messages.length) >= records) resolve()
    }
    consumer.run({ autoCommit: false, partitionsConsumedConcurrently: partitions, eachBatch }).catch(reject)
  })
  await Promise.all([consumer.disconnect(), producer.disconnect()])
}

const filterByHand = (brokers: readonly string[]) => (): Promise<void> =>
  byHand(brokers, large.name, ({ batch }) => {
    const kept: Message[] = []
    for (const { key, value } of batch.messages) {
      const order = JSON.parse(value?.toString() ?? 'null') as Order
      if (order.amount >= 100) kept.push({ key, value: JSON.stringify({ id: order.id, cents: Math.round(order.amount * 100) }) })
    }
    return kept
  })

const countByHand = (brokers: readonly string[]) => (): Promise<void> => {
  const counted = new Map<string, number>()
  return byHand(brokers, counts.name, ({ batch }) =>
    batch.messages.map(({ key }) => {
      const user = key?.toString() ?? ''
      const count = (counted.get(user) ?? 0) + 1
      counted.set(user, count)
      const value = Buffer.alloc(8)
      value.writeDoubleBE(count)
      return { key, value }
    }),
  )
}

/* -------------------------------------------------------------- millrace */

let running: App | null = null
const withMillrace = (brokers: readonly string[], define: (app: App) => unknown) => async (): Promise<void> => {
  const id = `bench-${run++}`
  running = createApp({ id, brokers, stateDir: join(folder, id), tuning: { fetchWait: '100ms' } })
  define(running)
  await running.start()
  await running.settled()
}
const stop = () => running?.stop()

const main = async (): Promise<void> => {
  const own = process.env['KAFKA_BROKERS'] === undefined ? await startKafka() : null
  const brokers = own?.brokers ?? (process.env['KAFKA_BROKERS'] ?? '').split(',')
  try {
    await fill(brokers)
    await bench(
      'kafka: JSON filter, map, toTopic',
      [
        { name: 'kafkajs by hand', records, run: filterByHand(brokers) },
        {
          name: 'millrace',
          records,
          run: withMillrace(brokers, (app) =>
            app
              .stream(orders)
              .filter((order) => order.amount >= 100)
              .map(({ id, amount }) => ({ id, cents: Math.round(amount * 100) }))
              .toTopic(large),
          ),
          after: stop,
        },
      ],
      { rounds: 3, ratios: [{ of: 'millrace', to: 'kafkajs by hand' }] },
    )
    await bench(
      'kafka: count by key, every update emitted',
      [
        { name: 'kafkajs by hand, a Map, nothing durable', records, run: countByHand(brokers) },
        {
          name: 'millrace, LMDB and changelog',
          records,
          run: withMillrace(brokers, (app) => app.stream(orders).groupByKey().count().toTopic(counts)),
          after: stop,
        },
      ],
      { rounds: 3, ratios: [{ of: 'millrace, LMDB and changelog', to: 'kafkajs by hand, a Map, nothing durable' }] },
    )
  } finally {
    await own?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

/**
 * What a task costs beside a loop written by hand, in one process and without a broker: both read the same batches of the same
 * log in memory and write to it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, type Database } from 'lmdb'
import { codec } from '../lib/core/codec.js'
import { systemClock } from '../lib/core/clock.js'
import { noHeaders } from '../lib/core/headers.js'
import { partitionOf } from '../lib/core/murmur2.js'
import type { RawRecord } from '../lib/core/record.js'
import type { App } from '../lib/dsl/surface.js'
import { RunnableApp } from '../lib/runtime/app.js'
import { topic } from '../lib/topology/topic.js'
import { readBatch } from '../lib/transport/batch/reader.js'
import { createMemoryLog } from '../lib/transport/embedded/registry.js'
import { embeddedTransport } from '../lib/transport/embedded/transport.js'
import type { Producer } from '../lib/transport/port.js'
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
const log = createMemoryLog({ clock: systemClock })
const orders = topic('orders', { key: codec.string, value: codec.json<Order>(), partitions })
const large = topic('large', { key: codec.string, value: codec.json<{ id: string; cents: number }>(), partitions })

const appended = (
  producer: Producer,
  count: number,
  write: (append: (key: Uint8Array | null, value: Uint8Array | null, partition: number, to: string) => void) => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    let left = count
    const delivery = { delivered: (n: number) => ((left -= n) === 0 ? resolve() : undefined), failed: reject }
    write((key, value, partition, to) =>
      producer.append({ topic: to, partition }, { key, value, timestamp: 1, headers: noHeaders }, delivery, null),
    )
    if (count === 0) resolve()
    producer.flush()
  })

const fill = async (): Promise<void> => {
  const transport = await embeddedTransport({ log, clock: systemClock })
  await transport.createTopics([orders, large].map(({ name }) => ({ name, partitions, config: {} })))
  const producer = await transport.producer()
  for (let from = 0; from < records; from += 10_000) {
    await appended(producer, 10_000, (append) => {
      for (let i = from; i < from + 10_000; i++) {
        const user = `user-${String((i * 7919) % keys).padStart(6, '0')}`
        const order: Order = { id: `order-${i}`, user, amount: (i * 31) % 200, note: 'a note that makes it a hundred bytes' }
        const key = Buffer.from(user)
        append(key, Buffer.from(JSON.stringify(order)), partitionOf(key, partitions), 'orders')
      }
    })
  }
  await transport.close()
}

/** The loop one would write: every batch of the topic, in order. */
const eachBatch = async (take: (raws: readonly RawRecord[], producer: Producer) => Promise<void>): Promise<void> => {
  const transport = await embeddedTransport({ log, clock: systemClock })
  const producer = await transport.producer()
  const from = Array.from({ length: partitions }, (_, partition) => ({ topic: 'orders', partition, offset: 0 }))
  const ends = await transport.listOffsets(from, 'end')
  const left = new Map(ends.map(({ partition, offset }) => [partition, offset]))
  const reader = transport.read(from)
  while ([...left.values()].some((n) => n > 0)) {
    for (const chunk of await reader.next()) {
      for (const batch of chunk.batches) await take(readBatch(batch, chunk.fetchOffset, chunk), producer)
      if (chunk.nextOffset >= (ends[chunk.partition]?.offset ?? 0)) left.set(chunk.partition, 0)
    }
  }
  await reader.close()
  await producer.close()
  await transport.close()
}

let run = 0
/** From the start until all is read and committed. */
const runApp = async (define: (app: App) => unknown, stateDir: string): Promise<void> => {
  const app = new RunnableApp(
    { id: `bench-${run++}`, stateDir },
    { transport: () => embeddedTransport({ log, clock: systemClock }), topicPartitions: partitions },
  )
  define(app)
  await app.start()
  await app.settled()
  running = app
}
let running: RunnableApp | null = null
const stop = () => running?.stop()

const main = async (): Promise<void> => {
  await fill()
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))

  await bench(
    'in-process: JSON filter, map, sink',
    [
      {
        name: 'loop by hand',
        records,
        run: () =>
          eachBatch(async (raws, producer) => {
            const kept: [Buffer | null, Buffer][] = []
            for (const raw of raws) {
              const order = JSON.parse((raw.value as Buffer).toString('utf8')) as Order
              if (order.amount >= 100)
                kept.push([raw.key, Buffer.from(JSON.stringify({ id: order.id, cents: Math.round(order.amount * 100) }))])
            }
            await appended(producer, kept.length, (append) => {
              for (const [key, value] of kept) append(key, value, partitionOf(key as Buffer, partitions), 'large')
            })
          }),
      },
      {
        name: 'millrace',
        records,
        run: () =>
          runApp(
            (app) =>
              app
                .stream(orders)
                .filter((order) => order.amount >= 100)
                .map(({ id, amount }) => ({ id, cents: Math.round(amount * 100) }))
                .toTopic(large),
            ':memory:',
          ),
        after: stop,
      },
    ],
    { rounds: 3, ratios: [{ of: 'millrace', to: 'loop by hand' }] },
  )

  const byKey = topic('orders', { key: codec.string, value: codec.bytes, partitions })
  const countByHand = async (commit: (counts: ReadonlyMap<string, number>) => void): Promise<void> => {
    const counts = new Map<string, number>()
    await eachBatch(async (raws) => {
      for (const raw of raws) {
        const key = (raw.key as Buffer).toString('utf8')
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
    })
    commit(counts)
  }
  const countIn = (store: 'memory' | 'lmdb') => () =>
    runApp(
      (app) =>
        app
          .stream(byKey)
          .groupByKey()
          .count({ name: `counts-${run}`, store }),
      store === 'memory' ? ':memory:' : join(folder, `state-${run}`),
    )
  const toLmdb = (counts: ReadonlyMap<string, number>): void => {
    const db: Database<Buffer, Buffer> = open({
      path: join(folder, `hand-${run++}`),
      noSync: true,
      noMemInit: true,
      encoding: 'binary',
      keyEncoding: 'binary',
    })
    db.transactionSync(() => {
      for (const [key, count] of counts) {
        const value = Buffer.alloc(8)
        value.writeDoubleBE(count)
        db.putSync(Buffer.from(key), value)
      }
    })
    void db.close()
  }

  await bench(
    'in-process: count by key',
    [
      { name: 'loop with a Map', records, run: () => countByHand(() => undefined) },
      { name: 'loop with a Map written to LMDB', records, run: () => countByHand(toLmdb) },
      { name: 'millrace, store in memory', records, run: countIn('memory'), after: stop },
      { name: 'millrace, store in LMDB', records, run: countIn('lmdb'), after: stop },
    ],
    {
      rounds: 3,
      ratios: [
        { of: 'millrace, store in memory', to: 'loop with a Map' },
        { of: 'millrace, store in LMDB', to: 'loop with a Map written to LMDB' },
      ],
    },
  )
  rmSync(folder, { recursive: true, force: true })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

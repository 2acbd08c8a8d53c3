/**
 * What a join of two streams costs beside a plain loop with Maps, in one process and without a broker: both read the same batches
 * of the same log in memory, in order of time, and write to it. The loop keeps nothing for a restart.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codec } from '../lib/core/codec.js'
import { systemClock } from '../lib/core/clock.js'
import { noHeaders } from '../lib/core/headers.js'
import { partitionOf } from '../lib/core/murmur2.js'
import type { RawRecord } from '../lib/core/record.js'
import { RunnableApp } from '../lib/runtime/app.js'
import { topic } from '../lib/topology/topic.js'
import { readBatch } from '../lib/transport/batch/reader.js'
import { createMemoryLog } from '../lib/transport/embedded/registry.js'
import { embeddedTransport } from '../lib/transport/embedded/transport.js'
import type { Transport } from '../lib/transport/port.js'
import { bench } from './harness.js'
import { partitions, type Order, type Payment } from './peers/contest.js'
import { writePaidOrders } from './peers/inputs.js'

/** And as many payments. */
const count = 250_000
const retentionMs = 180_000
const log = createMemoryLog({ clock: systemClock })
const transport = (): Promise<Transport> => embeddedTransport({ log, clock: systemClock })
const orders = topic('orders', { key: codec.string, value: codec.json<Order>(), partitions })
const payments = topic('payments', { key: codec.string, value: codec.json<Payment>(), partitions })
const paid = topic('paid', { key: codec.string, value: codec.json<{ id: string; amount: number; paid: number }>(), partitions })

/** The records of one partition, one after the other. */
const opened = async (from: Transport, at: { readonly topic: string; readonly partition: number }) => {
  const [end] = await from.listOffsets([at], 'end')
  const reader = from.read([{ ...at, offset: 0 }])
  let [raws, index, position]: [RawRecord[], number, number] = [[], 0, 0]
  const fill = async (): Promise<void> => {
    while (index >= raws.length && position < (end?.offset ?? 0)) {
      for (const chunk of await reader.next()) {
        raws = chunk.batches.flatMap((batch) => readBatch(batch, chunk.fetchOffset, chunk))
        ;[index, position] = [0, chunk.nextOffset]
      }
    }
  }
  return { fill, head: () => raws[index], take: () => void index++, close: () => reader.close() }
}

/** A record that waits for others. */
interface Held<A> {
  readonly time: number
  readonly key: string
  readonly value: A
}

/** By key, and in order of arrival; forgets what is too old. */
class Waiting<A> {
  private readonly byKey = new Map<string, Held<A>[]>()
  private readonly queue: Held<A>[] = []
  private first = 0

  of(key: string): readonly Held<A>[] {
    return this.byKey.get(key) ?? []
  }

  add(held: Held<A>): void {
    const list = this.byKey.get(held.key)
    if (list) list.push(held)
    else this.byKey.set(held.key, [held])
    this.queue.push(held)
    for (let oldest = this.queue[this.first]; oldest && oldest.time + retentionMs <= held.time; oldest = this.queue[this.first]) {
      const waiting = this.byKey.get(oldest.key)
      waiting?.shift()
      if (waiting?.length === 0) this.byKey.delete(oldest.key)
      this.first++
    }
    if (this.first < 10_000) return
    this.queue.splice(0, this.first)
    this.first = 0
  }
}

const joinByHand = async (): Promise<void> => {
  const [from, producer] = [await transport(), await (await transport()).producer()]
  const sent = { unacknowledged: 0 }
  const delivery = {
    delivered: (n: number) => void (sent.unacknowledged -= n),
    failed: (error: Error) => {
      throw error
    },
  }
  const emit = (key: Buffer, timestamp: number, order: Order, payment: Payment): void => {
    sent.unacknowledged++
    const value = Buffer.from(JSON.stringify({ id: order.id, amount: order.amount, paid: payment.paid }))
    producer.append(
      { topic: 'paid', partition: partitionOf(key, partitions) },
      { key, value, timestamp, headers: noHeaders },
      delivery,
      null,
    )
  }
  for (let partition = 0; partition < partitions; partition++) {
    const left = await opened(from, { topic: 'orders', partition })
    const right = await opened(from, { topic: 'payments', partition })
    const [waitingOrders, waitingPayments] = [new Waiting<Order>(), new Waiting<Payment>()]
    for (;;) {
      if (left.head() === undefined) await left.fill()
      if (right.head() === undefined) await right.fill()
      const [order, payment] = [left.head(), right.head()]
      if (order !== undefined && (payment === undefined || order.timestamp <= payment.timestamp)) {
        left.take()
        const key = (order.key as Buffer).toString()
        const held = { time: order.timestamp, key, value: JSON.parse((order.value as Buffer).toString()) as Order }
        for (const { time, value } of waitingPayments.of(key))
          if (Math.abs(time - held.time) <= 60_000) emit(order.key as Buffer, Math.max(time, held.time), held.value, value)
        waitingOrders.add(held)
      } else if (payment !== undefined) {
        right.take()
        const key = (payment.key as Buffer).toString()
        const held = { time: payment.timestamp, key, value: JSON.parse((payment.value as Buffer).toString()) as Payment }
        for (const { time, value } of waitingOrders.of(key))
          if (Math.abs(time - held.time) <= 60_000) emit(payment.key as Buffer, Math.max(time, held.time), value, held.value)
        waitingPayments.add(held)
      } else break
    }
    await Promise.all([left.close(), right.close()])
  }
  producer.flush()
  while (sent.unacknowledged > 0) await new Promise((resolve) => setImmediate(resolve))
  await producer.close()
  await from.close()
}

let runs = 0
let running: RunnableApp | null = null
const joinInMillrace = async (stateDir: string): Promise<void> => {
  const app = new RunnableApp({ id: `bench-${++runs}`, stateDir }, { transport, topicPartitions: partitions })
  app
    .stream(orders)
    .join(app.stream(payments), { within: '1m', grace: '1m', name: 'paid' }, ({ id, amount }, { paid }) => ({ id, amount, paid }))
    .toTopic(paid)
  await app.start()
  await app.settled()
  running = app
}
const stop = () => running?.stop()

const main = async (): Promise<void> => {
  const filling = await transport()
  await writePaidOrders(filling, 'orders', 'payments', count)
  await filling.createTopics([{ name: 'paid', partitions, config: {} }])
  await filling.close()
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  await bench(
    'in-process: orders joined with payments within 1 min, 1 min grace',
    [
      { name: 'loop with Maps', records: 2 * count, run: joinByHand },
      { name: 'millrace, buffers in memory', records: 2 * count, run: () => joinInMillrace(':memory:'), after: stop },
      { name: 'millrace, buffers in LMDB', records: 2 * count, run: () => joinInMillrace(join(folder, `state-${runs}`)), after: stop },
    ],
    {
      rounds: 3,
      ratios: [
        { of: 'millrace, buffers in memory', to: 'loop with Maps' },
        { of: 'millrace, buffers in LMDB', to: 'loop with Maps' },
      ],
    },
  )
  rmSync(folder, { recursive: true, force: true })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

import { noHeaders } from '../../lib/core/headers.js'
import { partitionOf } from '../../lib/core/murmur2.js'
import type { Transport } from '../../lib/transport/port.js'
import { partitions, type Order, type Payment } from './contest.js'

const users = 100_000
const words = 20_000
const wordsPerLine = 10

/** About 110 bytes of JSON by 100,000 users, murmur2-partitioned. */
export const writeOrders = (transport: Transport, topic: string, count: number): Promise<void> =>
  write(transport, topic, count, (i) => {
    const user = `user-${String((i * 7919) % users).padStart(6, '0')}`
    const order: Order = { id: `order-${i}`, user, amount: (i * 31) % 200, note: 'a note that makes it a hundred' }
    return { key: Buffer.from(user), value: Buffer.from(JSON.stringify(order)) }
  })

/** Orders of a key each, and half a second after each its payment. */
export const writePaidOrders = async (transport: Transport, orders: string, payments: string, count: number): Promise<void> => {
  const id = (i: number): string => `order-${String(i).padStart(7, '0')}`
  await write(transport, orders, count, (i) => {
    const order: Order = { id: id(i), user: `user-${i % users}`, amount: (i * 31) % 200, note: 'a note that makes it a hundred' }
    return { key: Buffer.from(id(i)), value: Buffer.from(JSON.stringify(order)) }
  })
  const payment = (i: number): Payment => ({ order: id(i), paid: (i * 31) % 200, method: 'a method of payment, with some details' })
  await write(transport, payments, count, (i) => ({ key: Buffer.from(id(i)), value: Buffer.from(JSON.stringify(payment(i))) }), 500)
}

/** Orders among them with an amount of 100 or more. */
export const largeOrders = (count: number): number => {
  let large = 0
  for (let i = 0; i < count; i++) if ((i * 31) % 200 >= 100) large += 1
  return large
}

/** Lines of ten words, by Zipf's law, without a key. */
export const writeLines = (transport: Transport, topic: string, count: number): Promise<void> => {
  const weights = Array.from({ length: words }, (_, i) => 1 / (i + 1))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let [state, sum] = [1, 0]
  const upTo = weights.map((weight) => (sum += weight) / total)
  const word = (): string => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const at = state / 2 ** 32
    let [low, high] = [0, words - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] ?? 1) < at) low = middle + 1
      else high = middle
    }
    return `word${low}`
  }
  return write(transport, topic, count, () => ({ key: null, value: Buffer.from(Array.from({ length: wordsPerLine }, word).join(' ')) }))
}

/** As many keys as rows. */
export const writeRows = (transport: Transport, topic: string, count: number): Promise<void> =>
  write(transport, topic, count, (i) => ({
    key: Buffer.from(`row-${String(i).padStart(9, '0')}`),
    value: Buffer.from(`a value of forty bytes, for row ${i % 10_000}`),
  }))

const perBurst = 20_000

const write = async (
  transport: Transport,
  topic: string,
  count: number,
  record: (i: number) => { readonly key: Buffer | null; readonly value: Buffer },
  laterMs = 0,
): Promise<void> => {
  await transport.createTopics([{ name: topic, partitions, config: { 'retention.ms': '-1' } }])
  const producer = await transport.producer()
  for (let from = 0; from < count; from += perBurst) {
    const to = Math.min(count, from + perBurst)
    await new Promise<void>((resolve, reject) => {
      let left = to - from
      const delivery = { delivered: (n: number) => ((left -= n) === 0 ? resolve() : undefined), failed: reject }
      for (let i = from; i < to; i++) {
        const { key, value } = record(i)
        const partition = key === null ? i % partitions : partitionOf(key, partitions)
        const timestamp = 1_700_000_000_000 + i + laterMs
        producer.append({ topic, partition }, { key, value, timestamp, headers: noHeaders }, delivery, null)
      }
    })
  }
  await producer.close()
}

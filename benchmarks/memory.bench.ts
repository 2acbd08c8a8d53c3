/**
 * 5 M records through a slow sink on a real broker: what is fetched, queued and held stays bounded.
 * Prints the largest resident set of this process, sampled while it runs.
 */
import { memoryUsage } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../lib/core/clock.js'
import { codec } from '../lib/core/codec.js'
import { noHeaders } from '../lib/core/headers.js'
import { createApp } from '../lib/runtime/app.js'
import { topic } from '../lib/topology/topic.js'
import { kafkaTransport } from '../lib/transport/kafkajs/transport.js'
import { startKafka } from '../spec/support/kafka/broker.js'

const records = 5_000_000
const partitions = 4
const events = topic('bench.slow', { key: codec.string, value: codec.string, partitions })

const fill = async (brokers: readonly string[]): Promise<void> => {
  const transport = kafkaTransport({ brokers, clientId: 'fill', clock: systemClock })
  await transport.createTopics([{ name: events.name, partitions, config: {} }])
  const producer = await transport.producer()
  const value = Buffer.from('a value of about one hundred bytes, as they are found in logs of all kinds, everywhere, all day long.')
  for (let from = 0; from < records; from += 50_000) {
    await new Promise<void>((resolve, reject) => {
      let left = 50_000
      const delivery = { delivered: (n: number) => ((left -= n) === 0 ? resolve() : undefined), failed: reject }
      for (let i = from; i < from + 50_000; i++) {
        const record = { key: Buffer.from(`key-${i % 100_000}`), value, timestamp: systemClock.now(), headers: noHeaders }
        producer.append({ topic: events.name, partition: i % partitions }, record, delivery, null)
      }
    })
  }
  await producer.close()
  await transport.close()
}

const main = async (): Promise<void> => {
  const own = process.env['KAFKA_BROKERS'] === undefined ? await startKafka() : null
  const brokers = own?.brokers ?? (process.env['KAFKA_BROKERS'] ?? '').split(',')
  try {
    await fill(brokers)
    globalThis.gc?.()
    const before = memoryUsage.rss()
    let [largest, seen] = [0, 0]
    const timer = setInterval(() => (largest = Math.max(largest, memoryUsage.rss())), 50)
    const app = createApp({ id: `slow-${systemClock.now()}`, brokers, stateDir: ':memory:' })
    app.stream(events).toSink({
      name: 'slow',
      size: 5000,
      write: async (batch) => {
        await sleep(20) // far slower than the broker delivers
        seen += batch.length
      },
    })
    const start = performance.now()
    await app.start()
    await app.settled()
    const seconds = (performance.now() - start) / 1000
    await app.stop()
    clearInterval(timer)
    const megabytes = (bytes: number): number => Math.round(bytes / 1024 / 1024)
    console.log(
      JSON.stringify({
        bench: 'memory: a slow sink',
        records: seen,
        recordsPerSecond: Math.round(seen / seconds),
        rssMb: { before: megabytes(before), largest: megabytes(largest), promised: 400 },
      }),
    )
  } finally {
    await own?.stop()
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

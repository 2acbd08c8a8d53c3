/**
 * What leaving kafkajs's codecs, producer and fetching behind is worth: the same records through stock kafkajs and through
 * the transport, on one broker, in one run. One JSON line per case.
 *   npx tsx benchmarks/wire.ts [records]
 */
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { systemClock } from '../lib/core/clock.js'
import { noHeaders } from '../lib/core/headers.js'
import { readBatch } from '../lib/transport/batch/reader.js'
import { kafkaTransport } from '../lib/transport/kafkajs/transport.js'
import type { Chunk, GroupListener, Member, Transport } from '../lib/transport/port.js'
import { startKafka } from '../spec/support/kafka/broker.js'

const records = Number(process.argv[2] ?? 1_000_000)
const partitions = 4
const perSend = 1000
const value = Buffer.alloc(110, 7)

interface Case {
  readonly name: string
  readonly recordsPerSecond: number
  readonly cpuMicrosPerRecord: number
}

const measure = async (name: string, count: number, work: () => Promise<void>): Promise<Case> => {
  const cpu = process.cpuUsage()
  const from = process.hrtime.bigint()
  await work()
  const seconds = Number(process.hrtime.bigint() - from) / 1e9
  const used = process.cpuUsage(cpu)
  const result = {
    name,
    recordsPerSecond: Math.round(count / seconds),
    cpuMicrosPerRecord: Math.round(((used.user + used.system) / count) * 100) / 100,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  return result
}

const ratio = (name: string, ours: Case, stock: Case): void => {
  const times = (a: number, b: number): number => Math.round((a / b) * 10) / 10
  const result = {
    name,
    throughput: times(ours.recordsPerSecond, stock.recordsPerSecond),
    cpu: times(stock.cpuMicrosPerRecord, ours.cpuMicrosPerRecord),
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

const keys = Array.from({ length: perSend }, (_, i) => Buffer.from(`key-${i}`))

const stockProduce = async (kafka: Kafka, topic: string, count: number): Promise<void> => {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const messages = Array.from({ length: partitions }, (_, partition) => keys.map((key) => ({ key, value, partition }))).flat()
  for (let sent = 0; sent < count; sent += messages.length) await producer.send({ topic, messages })
  await producer.disconnect()
}

const ourProduce = async (transport: Transport, topic: string, count: number): Promise<void> => {
  const producer = await transport.producer()
  let acknowledged = 0
  let relieved: () => void = () => undefined
  const delivery = {
    delivered: (some: number) => {
      acknowledged += some
      relieved()
    },
    failed: (error: Error) => {
      throw error
    },
  }
  const ats = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  for (let sent = 0; sent < count;) {
    for (const at of ats) {
      for (const key of keys) producer.append(at, { key, value, timestamp: 1_700_000_000_000, headers: noHeaders }, delivery, null)
      sent += keys.length
    }
    // As the runtime does: what is not acknowledged is bounded.
    while (producer.pendingBytes > 8 * 1024 * 1024) await new Promise<void>((resolve) => (relieved = resolve))
  }
  await producer.close()
  if (acknowledged < count) throw new Error(`only ${acknowledged} were acknowledged`)
}

const stockConsume = async (kafka: Kafka, topic: string, count: number): Promise<void> => {
  const consumer = kafka.consumer({ groupId: `stock-${topic}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let seen = 0
  await new Promise<void>((resolve, reject) => {
    const eachBatch = ({ batch }: { batch: { messages: readonly { key: Buffer | null; value: Buffer | null }[] } }): Promise<void> => {
      for (const message of batch.messages) if (message.key !== null || message.value !== null) seen += 1
      if (seen >= count) resolve()
      return Promise.resolve()
    }
    consumer.run({ autoCommit: false, partitionsConsumedConcurrently: partitions, eachBatch }).catch(reject)
  })
  await consumer.disconnect()
}

/** Every record with its key and value, as eachBatch hands them out. */
const walk = (chunk: Chunk): number => {
  let [count, bytes] = [0, 0]
  for (const batch of chunk.batches) {
    for (const record of readBatch(batch, chunk.fetchOffset, chunk)) {
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      count += 1
    }
  }
  return bytes < 0 ? 0 : count
}

const ourConsume = async (transport: Transport, topic: string, count: number): Promise<void> => {
  let seen = 0
  let finished: () => void = () => undefined
  const end = new Promise<void>((resolve) => (finished = resolve))
  let current: Member | null = null
  const listener: GroupListener = {
    revoke: () => Promise.resolve(),
    assigned: (member, assigned) => {
      current = member
      assigned.forEach((at) => member.start({ ...at, offset: 0 }))
    },
    chunk: (chunk) => {
      seen += walk(chunk)
      current?.taken(chunk, chunk.byteLength)
      if (seen >= count) finished()
    },
    lost: () => undefined,
    outOfRange: () => undefined,
    failed: (error) => {
      throw error
    },
  }
  const member = await transport.join(
    {
      groupId: `ours-${topic}`,
      topics: [topic],
      copartitioned: [[topic]],
      nodeId: 'benchmark',
      held: () => [],
      sessionTimeoutMs: 30_000,
      heartbeatMs: 3000,
      rebalanceTimeoutMs: 60_000,
      fetchWaitMs: 100,
      fetchBytes: 1024 * 1024,
      bufferBytes: 64 * 1024 * 1024,
    },
    listener,
  )
  await end
  await member.leave(1000)
}

const ourRead = async (transport: Transport, topic: string, count: number): Promise<void> => {
  const reader = transport.read(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })))
  for (let seen = 0; seen < count;) for (const chunk of await reader.next()) seen += walk(chunk)
  await reader.close()
}

const main = async (): Promise<void> => {
  const broker = await startKafka()
  try {
    const kafka = new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING })
    const transport = kafkaTransport({ brokers: broker.brokers, clientId: 'benchmark', clock: systemClock })
    const topics = ['warm', 'stock', 'ours']
    await transport.createTopics(topics.map((name) => ({ name, partitions, config: {} })))
    const warm = Math.min(records, 40_000)
    await stockProduce(kafka, 'warm', warm)
    await ourProduce(transport, 'warm', warm)
    const stockOut = await measure('produce, kafkajs, 4 x 1000 a send', records / 5, () => stockProduce(kafka, 'stock', records / 5))
    const ourOut = await measure('produce, transport', records, () => ourProduce(transport, 'ours', records))
    const stockIn = await measure('consume, kafkajs eachBatch', records, () => stockConsume(kafka, 'ours', records))
    const ourIn = await measure('consume, member', records, () => ourConsume(transport, 'ours', records))
    const ourReader = await measure('consume, reader', records, () => ourRead(transport, 'ours', records))
    ratio('produce: transport to kafkajs', ourOut, stockOut)
    ratio('consume: member to kafkajs', ourIn, stockIn)
    ratio('consume: reader to kafkajs', ourReader, stockIn)
    await transport.close()
  } finally {
    await broker.stop()
  }
}

void main()

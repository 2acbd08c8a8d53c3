/** One side of the wire benchmark, in a process of its own. */
import { Kafka, logLevel, Partitioners, type KafkaMessage } from 'kafkajs'
import { argv, cpuUsage, exit, resourceUsage, stdout } from 'node:process'
import { performance } from 'node:perf_hooks'
import { systemClock } from '../../lib/core/clock.js'
import { noHeaders } from '../../lib/core/headers.js'
import type { Compression } from '../../lib/transport/batch/compression.js'
import { readBatch, type ReadOptions } from '../../lib/transport/batch/reader.js'
import { kafkaTransport } from '../../lib/transport/kafkajs/transport.js'
import type { Chunk, GroupListener, Member } from '../../lib/transport/port.js'
import { partitions, type Side, type WireContest, type WireReport } from './contest.js'

const { side, brokers, topic, records } = JSON.parse(argv[2] ?? '') as WireContest
const mostPending = 8 * 1024 * 1024
const perSend = 1000
/** About 110 bytes of JSON, keyed by 1,000 users. */
const keys = Array.from({ length: perSend }, (_, i) => Buffer.from(`user-${String(i).padStart(6, '0')}`))
const values = Array.from({ length: perSend }, (_, i) =>
  Buffer.from(
    JSON.stringify({ id: `order-${i * 7919}`, user: `user-${i}`, amount: (i * 31) % 200, note: 'a note that makes it a hundred' }),
  ),
)

let from: { readonly at: number; readonly cpu: NodeJS.CpuUsage } | null = null
const begin = (): void => void (from ??= { at: performance.now(), cpu: cpuUsage() })
const report = (): WireReport => {
  const { user, system } = cpuUsage(from?.cpu)
  return { seconds: (performance.now() - (from?.at ?? NaN)) / 1000, cpuUs: user + system, rssKb: resourceUsage().maxRSS }
}

const produceByKafkajs = async (): Promise<WireReport> => {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  begin()
  for (let sent = 0; sent < records; sent += perSend * partitions) {
    const messages = Array.from({ length: partitions }, (_, partition) =>
      keys.map((key, i) => ({ key, value: values[i] ?? null, partition })),
    ).flat()
    await producer.send({ topic, messages })
  }
  const done = report()
  await producer.disconnect()
  return done
}

const produceByUs = async (compression: Compression = 'none'): Promise<WireReport> => {
  const transport = kafkaTransport({ brokers, clientId: 'wire', clock: systemClock, compression })
  const producer = await transport.producer()
  let acknowledged = 0
  let told: () => void = () => undefined
  const delivery = {
    delivered: (some: number) => {
      acknowledged += some
      told()
    },
    failed: (error: Error) => {
      throw error
    },
  }
  const ats = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  begin()
  for (let sent = 0; sent < records; sent += perSend * partitions) {
    for (const at of ats) {
      for (let i = 0; i < perSend; i++)
        producer.append(
          at,
          { key: keys[i] ?? null, value: values[i] ?? null, timestamp: 1_700_000_000_000, headers: noHeaders },
          delivery,
          null,
        )
    }
    // As the runtime does: what is not acknowledged is bounded.
    while (producer.pendingBytes > mostPending) await new Promise<void>((resolve) => (told = resolve))
  }
  await producer.close()
  const done = report()
  if (acknowledged < records) throw new Error(`only ${acknowledged} were acknowledged`)
  await transport.close()
  return done
}

let bytes = 0

const consumeByKafkajs = async (): Promise<WireReport> => {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: `${side}-${process.pid}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let seen = 0
  const done = await new Promise<WireReport>((resolve, reject) => {
    const eachBatch = ({ batch }: { batch: { messages: KafkaMessage[] } }): Promise<void> => {
      begin()
      for (const { key, value } of batch.messages) bytes += (key?.length ?? 0) + (value?.length ?? 0)
      seen += batch.messages.length
      if (seen >= records) resolve(report())
      return Promise.resolve()
    }
    consumer.run({ autoCommit: false, partitionsConsumedConcurrently: partitions, eachBatch }).catch(reject)
  })
  await consumer.disconnect()
  return done
}

/** Every record with its key and value, as eachBatch hands them out. */
const walk = (chunk: Chunk, options: ReadOptions): number => {
  begin()
  let count = 0
  for (const batch of chunk.batches) {
    for (const record of readBatch(batch, chunk.fetchOffset, chunk, options)) {
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      count += 1
    }
  }
  return count
}

const consumeByUs = async (options: ReadOptions = {}): Promise<WireReport> => {
  const transport = kafkaTransport({ brokers, clientId: 'wire', clock: systemClock })
  let seen = 0
  let member: Member | null = null
  const done = new Promise<WireReport>((resolve, reject) => {
    const listener: GroupListener = {
      revoke: () => Promise.resolve(),
      assigned: (joined, assigned) => {
        member = joined
        assigned.forEach((at) => joined.start({ ...at, offset: 0 }))
      },
      chunk: (chunk) => {
        if (chunk.batches.length > 0) seen += walk(chunk, options)
        member?.taken(chunk, chunk.byteLength)
        if (seen >= records) resolve(report())
      },
      lost: () => undefined,
      outOfRange: () => undefined,
      failed: reject,
    }
    const group = { groupId: `${side}-${process.pid}`, topics: [topic], copartitioned: [[topic]], nodeId: 'wire', held: () => [] }
    const times = { sessionTimeoutMs: 30_000, heartbeatMs: 3000, rebalanceTimeoutMs: 60_000, fetchWaitMs: 100 }
    transport.join({ ...group, ...times, fetchBytes: 1024 * 1024, bufferBytes: 64 * 1024 * 1024 }, listener).catch(reject)
  })
  await done
  await transport.close()
  return done
}

const consumeByReader = async (): Promise<WireReport> => {
  const transport = kafkaTransport({ brokers, clientId: 'wire', clock: systemClock })
  const reader = transport.read(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })))
  for (let seen = 0; seen < records;) for (const chunk of await reader.next()) if (chunk.batches.length > 0) seen += walk(chunk, {})
  const done = report()
  await transport.close()
  return done
}

const sides: Record<Side, () => Promise<WireReport>> = {
  'produce-kafkajs': produceByKafkajs,
  'produce-ours': () => produceByUs(),
  'produce-ours-lz4': () => produceByUs('lz4'),
  'produce-ours-zstd': () => produceByUs('zstd'),
  'consume-kafkajs': consumeByKafkajs,
  'consume-ours': () => consumeByUs(),
  'consume-ours-unchecked': () => consumeByUs({ verifyCrc: false }),
  'consume-reader': consumeByReader,
}

void sides[side]().then((done) => {
  if (side.startsWith('consume') && bytes < records) throw new Error('keys and values were not read')
  stdout.write(`${JSON.stringify(done)}\n`)
  exit(0)
})

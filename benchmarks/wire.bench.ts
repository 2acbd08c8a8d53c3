/**
 * What leaving kafkajs's codecs, producer and fetching behind is worth: the same records through stock kafkajs and through the
 * transport, on one real broker (`KAFKA_BROKERS`, or one that is started here), each side in a process of its own, in turn. From the first
 * record to the last one, without connecting and joining; every key and value is read. With the checksums of batches and without.
 *   npm run bench -- wire
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../lib/core/clock.js'
import { kafkaTransport } from '../lib/transport/kafkajs/transport.js'
import type { Transport } from '../lib/transport/port.js'
import { startKafka } from '../spec/support/kafka/broker.js'
import { bench, type BenchCase } from './harness.js'
import { partitions, type Side, type WireContest, type WireReport } from './wire/contest.js'

const many = 2_000_000
/** kafkajs is as slow at the end as at the beginning. */
const few = 400_000
const run = promisify(execFile)

const compete = async (contest: WireContest): Promise<WireReport> => {
  const { stdout } = await run(process.execPath, [join(__dirname, 'wire/side.js'), JSON.stringify(contest)])
  return JSON.parse(stdout) as WireReport
}

const races = async (transport: Transport, brokers: readonly string[]): Promise<void> => {
  let topics = 0
  let done: WireReport = { seconds: NaN, cpuUs: NaN, rssKb: NaN }
  const newTopic = async (): Promise<string> => {
    const name = `wire-${process.pid}-${++topics}`
    await transport.createTopics([{ name, partitions, config: {} }])
    return name
  }
  const input = await newTopic()
  await compete({ side: 'produce-ours', brokers, topic: input, records: many })
  const consume = (name: string, side: Side): BenchCase => ({
    name,
    records: many,
    run: async () => void (done = await compete({ side, brokers, topic: input, records: many })),
  })
  const produce = (name: string, side: Side, records: number): BenchCase => ({
    name,
    records,
    run: async () => void (done = await compete({ side, brokers, topic: await newTopic(), records })),
  })
  const cases = [
    produce('produce, kafkajs, 4 x 1,000 a send', 'produce-kafkajs', few),
    produce('produce', 'produce-ours', many),
    produce('produce, lz4', 'produce-ours-lz4', many),
    produce('produce, zstd', 'produce-ours-zstd', many),
    consume('consume, kafkajs eachBatch', 'consume-kafkajs'),
    consume('consume, member', 'consume-ours'),
    consume('consume, member, sums unchecked', 'consume-ours-unchecked'),
    consume('consume, reader', 'consume-reader'),
  ]
  const ratios = [
    { of: 'produce', to: 'produce, kafkajs, 4 x 1,000 a send' },
    { of: 'consume, member', to: 'consume, kafkajs eachBatch' },
    { of: 'consume, reader', to: 'consume, kafkajs eachBatch' },
    { of: 'consume, member', to: 'consume, member, sums unchecked' },
  ]
  await bench('wire', cases, {
    rounds: 5,
    warmUp: 0,
    ratios,
    measure: async (work) => {
      await work()
      return { seconds: done.seconds, cpuUs: done.cpuUs, rssMb: done.rssKb / 1024 }
    },
  })
}

const main = async (): Promise<void> => {
  const own = process.env['KAFKA_BROKERS'] === undefined ? await startKafka({ jvm: ['-Xmx1g'] }) : null
  const brokers = own?.brokers ?? (process.env['KAFKA_BROKERS'] ?? '').split(',')
  const transport = kafkaTransport({ brokers, clientId: 'wire', clock: systemClock })
  try {
    await races(transport, brokers)
  } finally {
    await transport.close()
    await own?.stop()
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

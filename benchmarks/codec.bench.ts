import { headersOf } from '../lib/core/headers.js'
import type { OutRecord } from '../lib/core/record.js'
import { crc32c } from '../lib/transport/batch/crc32c.js'
import { readBatch } from '../lib/transport/batch/reader.js'
import { BatchWriter } from '../lib/transport/batch/writer.js'
import { kafkajsCrc32c, readByKafkajs, writtenByKafkajs } from '../spec/transport/batch/kafkajs-codec.js'
import { bench, type BenchCase } from './harness.js'

/** Record batches, ours against kafkajs: 1,000 records of a 9-byte key and about 100 bytes of JSON, many times over. */
const size = 1000
const times = 100
const at = { topic: 'bench', partition: 0 }

const recordsWith = (headers: OutRecord['headers']): OutRecord[] =>
  Array.from({ length: size }, (_, i) => ({
    key: Buffer.from(`key-${String(i % 500).padStart(5, '0')}`),
    value: Buffer.from(JSON.stringify({ id: i, customer: `customer-${i % 97}`, amount: i * 1.5, currency: 'EUR', note: 'x'.repeat(30) })),
    timestamp: 1_700_000_000_000 + i,
    headers,
  }))

let sink = 0

const ours = (name: string, records: readonly OutRecord[]): BenchCase[] => {
  const write = (): Buffer => {
    const writer = new BatchWriter()
    for (const record of records) writer.append(record)
    return writer.seal()
  }
  const batch = write()
  const reading = (title: string, use: (read: ReturnType<typeof readBatch>) => void, verifyCrc = true): BenchCase => ({
    name: `${title}${name}`,
    records: size * times,
    run: () => {
      for (let i = 0; i < times; i++) use(readBatch(batch, 0, at, { verifyCrc }))
    },
  })
  const each = (read: ReturnType<typeof readBatch>, use: (record: ReturnType<typeof readBatch>[number]) => number): void => {
    for (const record of read) sink += use(record)
  }
  return [
    reading('read', (read) => (sink += read.length)),
    reading('read without crc', (read) => (sink += read.length), false),
    reading('read, key and value as text', (read) => each(read, (r) => (r.utf8Key() ?? '').length + (r.utf8Value() ?? '').length)),
    reading('read, key and value as views', (read) => each(read, (r) => (r.key?.length ?? 0) + (r.value?.length ?? 0))),
    { name: `write${name}`, records: size * times, run: () => void Array.from({ length: times }, () => (sink += write().length)) },
  ]
}

const theirs = async (name: string, records: readonly OutRecord[]): Promise<BenchCase[]> => {
  const batch = await writtenByKafkajs(records)
  const repeat = (title: string, work: () => Promise<number>): BenchCase => ({
    name: `${title}${name}`,
    records: size * times,
    run: async () => {
      for (let i = 0; i < times; i++) sink += await work()
    },
  })
  return [
    repeat('kafkajs read', async () => (await readByKafkajs(batch)).records.length),
    repeat('kafkajs write', async () => (await writtenByKafkajs(records)).length),
  ]
}

const summed = Buffer.alloc(1 << 20, 7)
const crcCases: BenchCase[] = [
  {
    name: 'crc32c of 1 MiB, per KiB',
    records: 1024 * 20,
    run: () => void Array.from({ length: 20 }, () => (sink += crc32c(summed, 0, summed.length))),
  },
  {
    name: 'kafkajs crc32c of 1 MiB, per KiB',
    records: 1024 * 20,
    run: () => void Array.from({ length: 20 }, () => (sink += kafkajsCrc32c(summed))),
  },
]

const main = async (): Promise<void> => {
  const headers = headersOf([
    ['traceparent', Buffer.from('00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01')],
    ['type', Buffer.from('order')],
  ])
  const cases: BenchCase[] = []
  for (const [name, records] of [
    ['', recordsWith(headersOf([]))],
    [', 2 headers', recordsWith(headers)],
  ] as const) {
    cases.push(...ours(name, records), ...(await theirs(name, records)))
  }
  const pair = (of: string) => [
    { of, to: `kafkajs ${of}` },
    { of: `${of}, 2 headers`, to: `kafkajs ${of}, 2 headers` },
  ]
  await bench('codec', [...cases, ...crcCases], { warmUp: 2, rounds: 7, ratios: [...pair('read'), ...pair('write')] })
  if (sink < 0) throw new Error('unreachable: keeps the work from being optimised away')
}

void main()

import type { KHeaders } from '../../../lib/core/headers.js'
import { headersOf } from '../../../lib/core/headers.js'
import type { OutRecord, RawRecord } from '../../../lib/core/record.js'

/** kafkajs's own encoder and decoder: the oracle. It has no types for these. */
/* eslint-disable @typescript-eslint/no-require-imports */
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (batch: object) => Promise<{ buffer: Buffer }>
}
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => unknown
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: unknown) => Promise<{
  firstOffset: string
  lastOffsetDelta: number
  maxTimestamp: string
  producerId: string
  producerEpoch: number
  firstSequence: number
  inTransaction: boolean
  isControlBatch: boolean
  records: readonly KafkajsRecord[]
}>
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown
const { Codecs } = require('kafkajs/src/protocol/message/compression') as { Codecs: Record<number, unknown> }
/** The plug-in most users of kafkajs have: writes one raw block. */
Codecs[2] = require('kafkajs-snappy')
export const kafkajsMurmur2 = require('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number
export const kafkajsCrc32c = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number
/* eslint-enable @typescript-eslint/no-require-imports */

interface KafkajsRecord {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>
}

export interface BatchOptions {
  readonly baseOffset?: number
  /** kafkajs has gzip, and snappy by plug-in. */
  readonly compression?: 0 | 1 | 2
  readonly producerId?: bigint
  readonly isTransactional?: boolean
}

export const writtenByKafkajs = async (records: readonly OutRecord[], options: BatchOptions = {}): Promise<Buffer> => {
  const firstTimestamp = records[0]?.timestamp ?? 0
  const batch = await RecordBatch({
    compression: options.compression ?? 0,
    firstOffset: String(options.baseOffset ?? 0),
    firstTimestamp,
    maxTimestamp: Math.max(...records.map((record) => record.timestamp)),
    lastOffsetDelta: records.length - 1,
    transactional: options.isTransactional ?? false,
    producerId: String(options.producerId ?? -1n),
    records: records.map((record, offsetDelta) =>
      encodeRecord({
        offsetDelta,
        timestampDelta: record.timestamp - firstTimestamp,
        key: record.key && Buffer.from(record.key),
        value: record.value && Buffer.from(record.value),
        headers: byName(record.headers),
      }),
    ),
  })
  return batch.buffer
}

export const readByKafkajs = (batch: Buffer): ReturnType<typeof decodeBatch> => decodeBatch(new Decoder(batch))

/** kafkajs groups headers by name. */
export const byName = (headers: KHeaders): Record<string, Buffer[]> => {
  const grouped: Record<string, Buffer[]> = {}
  for (const [name, value] of headers) (grouped[name] ??= []).push(Buffer.from(value ?? []))
  return grouped
}

/** A record as plain data, to compare. */
export const plain = (record: RawRecord | OutRecord): object => ({
  key: hex(record.key),
  value: hex(record.value),
  timestamp: record.timestamp,
  headers: [...record.headers].map(([name, value]) => [name, hex(value)]),
})
const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'))

/** A record of text, for specs that count rather than look. */
export const text = (
  key: string | null,
  value: string | null,
  timestamp = 0,
  headers: readonly (readonly [string, string])[] = [],
): OutRecord => ({
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestamp,
  headers: headersOf(headers.map(([name, content]) => [name, Buffer.from(content)] as const)),
})

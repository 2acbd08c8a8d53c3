import type { TopicPartition } from '../port.js'
import { MillraceError } from '../../core/errors.js'
import { compressions, type Compression } from './compression.js'

/**
 * The header of a record batch v2. The readers take a batch that `splitBatches` has cut out, or that we wrote: at least a
 * header long. Numbers are safe to 2^53, as everywhere; a producer id alone may have all its 64 bits.
 */
export const headerBytes = 61

/** Where each field begins. */
export const field = {
  baseOffset: 0,
  /** Of what follows it. */
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  /** The checksum begins here: base offset and leader epoch are the broker's to change. */
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
} as const

export const attribute = { compression: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const

export const readInt64 = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)

export const writeInt64 = (bytes: Buffer, value: number, at: number): void => {
  const high = Math.floor(value / 0x1_0000_0000)
  bytes.writeInt32BE(high, at)
  bytes.writeUInt32BE(value - high * 0x1_0000_0000, at + 4)
}

export const attributes = (batch: Buffer): number => batch.readInt16BE(field.attributes)

/** Null: a number that is none of Kafka's. */
export const compressionOf = (batch: Buffer): Compression | null => compressions[attributes(batch) & attribute.compression] ?? null

export const baseOffset = (batch: Buffer): number => readInt64(batch, field.baseOffset)
export const lastOffset = (batch: Buffer): number => baseOffset(batch) + batch.readInt32BE(field.lastOffsetDelta)
/** Where reading goes on, also when compaction has taken the last records, or all. */
export const nextOffset = (batch: Buffer): number => lastOffset(batch) + 1
export const recordCount = (batch: Buffer): number => batch.readInt32BE(field.count)
export const maxTimestamp = (batch: Buffer): number => readInt64(batch, field.maxTimestamp)
/** -1 when the producer was not idempotent. */
export const producerId = (batch: Buffer): bigint => batch.readBigInt64BE(field.producerId)
export const isTransactional = (batch: Buffer): boolean => (attributes(batch) & attribute.transactional) !== 0
export const isControl = (batch: Buffer): boolean => (attributes(batch) & attribute.control) !== 0

/** Base offset of a stored batch; it lies outside of the checksum. */
export const stampBatch = (batch: Buffer, offset: number): void => writeInt64(batch, offset, field.baseOffset)

export const corrupt = (at: TopicPartition, offset: number, what: string): MillraceError =>
  new MillraceError('MR_CORRUPT_BATCH', `${at.topic}-${at.partition} at offset ${offset}: ${what}`)

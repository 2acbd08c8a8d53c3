import { BatchRecord, type BatchBytes } from './batch-record.js'
import { crc32c } from './crc32c.js'
import { Cursor } from './cursor.js'
import { attribute, attributes, baseOffset, corrupt, field, headerBytes, maxTimestamp, readInt64, recordCount } from './header.js'
import { inflate } from './inflate.js'
import type { TopicPartition } from '../port.js'

export interface ReadOptions {
  /** Check the sum of the bytes. Default true. */
  readonly verifyCrc?: boolean
}

/**
 * The records of a batch from offset `from` on. Keys and values are views into the batch; headers are decoded when read.
 * Throws `MR_CORRUPT_BATCH` when the bytes are not a record batch v2, `MR_COMPRESSION` for a codec that is not here.
 */
export const readBatch = (batch: Buffer, from: number, at: TopicPartition, options: ReadOptions = {}): BatchRecord[] => {
  checkBatch(batch, at, options)
  const bytes = inflate(batch, at)
  const isAppendTime = (attributes(batch) & attribute.logAppendTime) !== 0
  const shared: BatchBytes = {
    topic: at.topic,
    partition: at.partition,
    baseOffset: baseOffset(batch),
    baseTimestamp: isAppendTime ? maxTimestamp(batch) : readInt64(batch, field.firstTimestamp),
    bytes,
  }
  return readRecords(shared, new Cursor(bytes, bytes === batch ? headerBytes : 0), {
    count: recordCount(batch),
    lastDelta: batch.readInt32BE(field.lastOffsetDelta),
    fromDelta: from - shared.baseOffset,
    isAppendTime,
  })
}

const checkBatch = (batch: Buffer, at: TopicPartition, options: ReadOptions): void => {
  if (batch.length < headerBytes) throw corrupt(at, -1, `${batch.length} bytes are less than the header of a batch`)
  const offset = baseOffset(batch)
  if (batch.readInt8(field.magic) !== 2) throw corrupt(at, offset, `the batch has message format ${batch.readInt8(field.magic)}, not 2`)
  const length = batch.readInt32BE(field.length) + field.leaderEpoch
  if (length !== batch.length) throw corrupt(at, offset, `the batch says it has ${length} bytes and has ${batch.length}`)
  if (options.verifyCrc !== false && crc32c(batch, field.attributes, length) !== batch.readUInt32BE(field.crc))
    throw corrupt(at, offset, 'the checksum of the batch does not fit its bytes')
}

interface Expected {
  readonly count: number
  readonly lastDelta: number
  readonly fromDelta: number
  readonly isAppendTime: boolean
}

/** A record takes 7 bytes at the least, so the bytes bound the loop whatever the header claims. */
const readRecords = (shared: BatchBytes, cursor: Cursor, expected: Expected): BatchRecord[] => {
  const { bytes, baseOffset } = shared
  const { count, lastDelta, fromDelta, isAppendTime } = expected
  const records: BatchRecord[] = []
  if (count < 0 || count > bytes.length / 7) throw corrupt(shared, baseOffset, `the batch cannot hold the ${count} records it announces`)
  let previous = -1
  for (let i = 0; i < count; i++) {
    const length = cursor.varint()
    const end = cursor.at + length
    if (length < 6 || end > bytes.length) throw corrupt(shared, baseOffset + previous + 1, 'a record is longer than its batch')
    cursor.at++ // attributes, unused
    const timestampDelta = cursor.varlong()
    const offsetDelta = cursor.varint()
    const keyLength = cursor.varint()
    const keyAt = cursor.at
    if (keyLength > 0) cursor.at += keyLength
    const valueLength = cursor.varint()
    const valueAt = cursor.at
    if (valueLength > 0) cursor.at += valueLength
    const headersAt = cursor.at
    skipHeaders(cursor, end)
    if (cursor.failed || cursor.at !== end) throw corrupt(shared, baseOffset + previous + 1, 'the parts of a record do not fill it')
    if (offsetDelta <= previous || offsetDelta > lastDelta) throw corrupt(shared, baseOffset + offsetDelta, 'the offset is out of order')
    previous = offsetDelta
    if (offsetDelta < fromDelta) continue
    const delta = isAppendTime ? 0 : timestampDelta
    records.push(new BatchRecord(shared, offsetDelta, delta, keyAt, keyLength, valueAt, valueLength, headersAt))
  }
  if (cursor.at !== bytes.length) throw corrupt(shared, baseOffset + lastDelta, 'bytes follow the last record of the batch')
  return records
}

/** Checked here, so that reading headers later cannot fail in somebody's lambda. */
const skipHeaders = (cursor: Cursor, end: number): void => {
  const count = cursor.varint()
  if (count < 0) cursor.failed = true
  for (let i = 0; i < count; i++) {
    const nameLength = cursor.varint()
    if (nameLength < 0 || cursor.at >= end) cursor.failed = true
    if (cursor.failed) return
    cursor.at += nameLength
    const valueLength = cursor.varint()
    if (valueLength > 0) cursor.at += valueLength
  }
}

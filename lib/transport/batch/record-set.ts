import type { TopicPartition } from '../port.js'
import { Cursor } from './cursor.js'
import { corrupt, field, headerBytes, isControl, isTransactional, lastOffset, nextOffset, producerId, readInt64 } from './header.js'

/** A transaction that was aborted, as a fetch response tells it. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

/**
 * The batches in what a fetch brought for one partition, without those that end below `fetchOffset`. The last one may be
 * cut off: it is left out, and comes whole with the next fetch.
 * Throws `MR_CORRUPT_BATCH`, also for the message formats of before Kafka 0.11.
 */
export const splitBatches = (bytes: Buffer, at: TopicPartition, fetchOffset: number): Buffer[] => {
  const batches: Buffer[] = []
  for (let start = 0; bytes.length - start > field.magic;) {
    const offset = readInt64(bytes, start)
    const magic = bytes.readInt8(start + field.magic)
    if (magic !== 2) throw corrupt(at, offset, `the log holds message format ${magic}; only 2, that of Kafka 0.11 and later, is read`)
    const length = bytes.readInt32BE(start + field.length) + field.leaderEpoch
    if (length < headerBytes) throw corrupt(at, offset, `the batch says it has ${length} bytes, less than its header`)
    if (start + length > bytes.length) break
    const batch = bytes.subarray(start, start + length)
    if (batch.readInt32BE(field.lastOffsetDelta) < 0) throw corrupt(at, offset, 'the batch ends before it begins')
    if (nextOffset(batch) > fetchOffset) batches.push(batch)
    start += length
  }
  return batches
}

/**
 * What a read-committed reader sees: neither markers nor what was aborted. Decided by batch headers; kafkajs decides by
 * records, and leaks the first one of a second aborted transaction, and all that follow a record whose key looks like a marker.
 */
export const committedBatches = (batches: readonly Buffer[], aborted: readonly AbortedTransaction[]): Buffer[] => {
  const upcoming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<bigint>()
  let begun = 0
  return batches.filter((batch) => {
    const last = lastOffset(batch)
    for (let next = upcoming[begun]; next !== undefined && next.firstOffset <= last; next = upcoming[++begun]) open.add(next.producerId)
    if (isControl(batch)) {
      if (isAbortMarker(batch)) open.delete(producerId(batch))
      return false
    }
    return !(isTransactional(batch) && open.has(producerId(batch)))
  })
}

/** The key of a control record: version, then type, both int16; type 0 is abort. */
const isAbortMarker = (batch: Buffer): boolean => {
  const cursor = new Cursor(batch, headerBytes)
  cursor.varint()
  cursor.at++
  cursor.varlong()
  cursor.varint()
  const keyLength = cursor.varint()
  return !cursor.failed && keyLength >= 4 && cursor.at + 4 <= batch.length && batch.readInt16BE(cursor.at + 2) === 0
}

import type { RawRecord } from '../../core/record.js'
import type { TopicPartition } from '../port.js'
import { Cursor } from './cursor.js'
import { attribute, attributes, field, headerBytes, writeInt64 } from './header.js'
import { inflate } from './inflate.js'
import { readBatch } from './reader.js'
import { sum } from './writer.js'

/**
 * The batch with only those records that `keep` takes, uncompressed; base offset and last offset stay, so readers still
 * pass over what is gone. The batch itself when all stay; one without records when none does.
 */
export const keepRecords = (batch: Buffer, at: TopicPartition, keep: (record: RawRecord) => boolean): Buffer => {
  const kept = readBatch(batch, 0, at).map(keep)
  if (!kept.includes(false)) return batch
  const bytes = inflate(batch, at)
  const cursor = new Cursor(bytes, bytes === batch ? headerBytes : 0)
  const parts: Buffer[] = [Buffer.from(batch.subarray(0, headerBytes))]
  for (const isKept of kept) {
    const start = cursor.at
    const length = cursor.varint()
    cursor.at += length
    if (isKept) parts.push(bytes.subarray(start, cursor.at))
  }
  const smaller = Buffer.concat(parts)
  smaller.writeInt16BE(attributes(batch) & ~attribute.compression, field.attributes)
  smaller.writeInt32BE(smaller.length - field.leaderEpoch, field.length)
  smaller.writeInt32BE(parts.length - 1, field.count)
  sum(smaller)
  return smaller
}

/** The time at which the log took it replaces those of its records. */
export const stampAppendTime = (batch: Buffer, timestamp: number): void => {
  batch.writeInt16BE(attributes(batch) | attribute.logAppendTime, field.attributes)
  writeInt64(batch, timestamp, field.maxTimestamp)
  sum(batch)
}

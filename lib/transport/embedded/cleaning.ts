import type { RawRecord } from '../../core/record.js'
import { recordCount } from '../batch/header.js'
import { readBatch } from '../batch/reader.js'
import { keepRecords } from '../batch/rewrite.js'
import type { PartitionLog } from './partition-log.js'
import type { StoredBatch } from './storage.js'

export const isCompacted = (config: Readonly<Record<string, string>>): boolean => (config['cleanup.policy'] ?? '').includes('compact')
const isRemoved = (config: Readonly<Record<string, string>>): boolean => (config['cleanup.policy'] ?? 'delete').includes('delete')

/** Kafka's default: how long a tombstone is to be seen by readers that follow. */
const tombstoneMs = 86_400_000
/** As with the segment that Kafka writes to: what is young is left alone. */
const smallestDirty = 16 * 1024 * 1024

/** Half of a compacted partition may be what compaction would take away: so its cost is a constant for each byte written. */
export const needsCompaction = (log: PartitionLog): boolean =>
  isCompacted(log.config) && log.dirtyBytes >= Math.max(smallestDirty, log.byteLength - log.dirtyBytes)

/** Where the log may begin by its `retention.ms` and `retention.bytes`; without them nothing is ever removed. */
export const retainedFrom = (log: PartitionLog, now: number): number => {
  if (!isRemoved(log.config)) return log.start
  const maxAge = limitOf(log.config['retention.ms'])
  const maxBytes = limitOf(log.config['retention.bytes'])
  if (maxAge === Infinity && maxBytes === Infinity) return log.start
  let bytes = log.byteLength
  for (const batch of log.all) {
    if (batch.maxTimestamp >= now - maxAge && bytes <= maxBytes) return Math.max(log.start, batch.baseOffset)
    bytes -= batch.byteLength
  }
  return log.end
}

const limitOf = (setting: string | undefined): number => {
  const limit = setting === undefined ? -1 : Number(setting)
  return limit >= 0 ? limit : Infinity
}

/** What compaction makes of the batches: of each key the newest record stays, old tombstones and records without a key do not. */
export const compacted = (log: PartitionLog, now: number): ReadonlyMap<StoredBatch, Buffer | null> => {
  const newest = new Map<string, number>()
  const batches = log.all.flatMap((batch) => {
    const bytes = log.read(batch)
    return bytes === undefined ? [] : [{ batch, bytes }]
  })
  for (const { bytes } of batches) {
    for (const record of readBatch(bytes, 0, log.at)) {
      const { key } = record
      if (key !== null) newest.set(key.toString('latin1'), record.offset)
    }
  }
  const isOld = (record: RawRecord): boolean => record.value === null && record.timestamp < now - deleteRetention(log.config)
  const stays = (record: RawRecord): boolean => {
    const { key } = record
    return key !== null && newest.get(key.toString('latin1')) === record.offset && !isOld(record)
  }
  const changes = new Map<StoredBatch, Buffer | null>()
  for (const { batch, bytes } of batches) {
    const smaller = keepRecords(bytes, log.at, stays)
    if (smaller !== bytes) changes.set(batch, recordCount(smaller) === 0 ? null : smaller)
  }
  return changes
}

const deleteRetention = (config: Readonly<Record<string, string>>): number => Number(config['delete.retention.ms'] ?? tombstoneMs)

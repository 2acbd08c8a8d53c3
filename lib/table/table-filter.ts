import type { Fn } from '../core/record.js'
import { perRecord, settled } from '../operators/per-record.js'
import type { PerRecord, RowChange } from '../topology/operator.js'
import { rowMeta } from './row.js'

/** Asks `keep` of both sides of a change, so it must be pure. A row that no longer passes is deleted if it had passed. */
export const filterTable = <K, V>(keep: Fn<K, V, boolean>): PerRecord => {
  const kept = (value: V | undefined, key: K, timestamp: number): V | undefined =>
    value !== undefined && settled(keep(value, rowMeta(key, timestamp)), 'filter') ? value : undefined
  return perRecord('filter', (record, emit) => {
    const change: RowChange<V> = record.value
    const before = kept(change.before, record.key, change.beforeTimestamp)
    const after = kept(change.after, record.key, record.timestamp)
    if (before === undefined && after === undefined) return
    const filtered: RowChange<V> = { before, beforeTimestamp: before === undefined ? -1 : change.beforeTimestamp, after }
    emit(record.withValue(filtered))
  })
}

import type { Fn } from '../core/record.js'
import { perRecord, settled } from '../operators/per-record.js'
import type { PerRecord, RowChange } from '../topology/operator.js'
import { isAbsent, rowMeta } from './row.js'

/** Maps both sides of a change, so `f` must be pure. A row it maps to null is none. */
export const mapTable = <K, V, W>(f: Fn<K, V, W>): PerRecord => {
  const mapRow = (value: V | undefined, key: K, timestamp: number): W | undefined =>
    value === undefined ? undefined : (settled(f(value, rowMeta(key, timestamp)), 'map') ?? undefined)
  return perRecord('map', (record, emit) => {
    const change: RowChange<V> = record.value
    const before = mapRow(change.before, record.key, change.beforeTimestamp)
    const after = mapRow(change.after, record.key, record.timestamp)
    if (isAbsent(before) && isAbsent(after)) return
    const mapped: RowChange<W> = { before, beforeTimestamp: before === undefined ? -1 : change.beforeTimestamp, after }
    emit(record.withValue(mapped))
  })
}

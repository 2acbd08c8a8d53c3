import type { PerRecord, RowChange, StoreSpec } from '../topology/operator.js'
import { changeOf, isAbsent, writeRow } from './row.js'

/** Upserts by key, in order of arrival; null is a delete, and goes on exactly if there was a row. */
export const materialize = <K, A>(store: StoreSpec<K, A>, label = 'toTable'): PerRecord => ({
  kind: 'per-record',
  label,
  writes: true,
  open: (task) => {
    const rows = task.store(store)
    return (record, emit) => {
      if (isAbsent(record.key)) return task.dropped(label, 'null-key')
      const change = writeRow(rows, record.key, rows.get(record.key), record.value, record.timestamp)
      if (change) emit(changeOf(record, change, record.timestamp))
    }
  },
})

/**
 * Gives a derived table rows of its own. What it forwards as `before` is what the store held, whatever a lambda that is
 * not pure has made of the row before.
 */
export const materializeChange = <K, A>(store: StoreSpec<K, A>, label = 'materialize'): PerRecord => ({
  kind: 'per-record',
  label,
  writes: true,
  open: (task) => {
    const rows = task.store(store)
    return (record, emit) => {
      const { after }: RowChange<A> = record.value
      const change = writeRow(rows, record.key, rows.get(record.key), after, record.timestamp)
      if (change) emit(record.withValue(change))
    }
  },
})

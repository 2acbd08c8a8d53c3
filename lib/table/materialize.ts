import type { PerRecord, RowChange, StoreSpec } from '../topology/operator.js'
import { changeOf, isAbsent } from './row.js'
import { openRows } from './rows.js'

/** Upserts by key, in order of arrival; null is a delete, and goes on exactly if there was a row. */
export const materialize = <K, A>(store: StoreSpec<K, A>, label = 'toTable'): PerRecord => ({
  kind: 'per-record',
  label,
  writes: true,
  open: (task) => {
    const rows = openRows(task, store, label)
    return (record, emit) => {
      if (isAbsent(record.key)) return task.dropped(label, 'null-key')
      const { key, timestamp } = record
      const change = rows.write(key, rows.told(key), record.value, timestamp, timestamp)
      rows.moveTo(record, emit)
      if (change) emit(changeOf(record, change, timestamp))
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
    const rows = openRows(task, store, label)
    return (record, emit) => {
      const { after }: RowChange<A> = record.value
      const { key, timestamp } = record
      const change = rows.write(key, rows.told(key), after, timestamp, timestamp)
      rows.moveTo(record, emit)
      if (change) emit(record.withValue(change))
    }
  },
})

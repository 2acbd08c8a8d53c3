import { none, some, type Option } from 'fp-ts/lib/Option.js'
import type { Meta } from '../core/record.js'
import { settled } from '../operators/per-record.js'
import { isAbsent } from '../table/row.js'
import type { AnyRec, Entry, PerRecord, ReadableStore, TaskContext } from '../topology/operator.js'

/** What makes a result: a left join calls it for every record, an inner one only for those that found a row. */
export type TableJoiner<K, V, W, R> =
  | { readonly left: false; readonly join: (left: V, right: W, meta: Meta<K>) => R }
  | { readonly left: true; readonly join: (left: V, right: Option<W>, meta: Meta<K>) => R }

/** A stream looks up a table as it is now, or a versioned one as it was at the record's time. The result has the stream record's key, timestamp and headers. */
export const probe = <K, V, J, W, R>(
  label: string,
  joiner: TableJoiner<K, V, W, R>,
  open: (task: TaskContext) => ReadableStore<J, W>,
  keyOf: (value: V, meta: Meta<K>) => J | null | undefined,
): PerRecord => ({
  kind: 'per-record',
  label,
  writes: false,
  open: (task) => {
    const rows = open(task)
    return (record, emit) => {
      if (isAbsent(record.value)) return task.dropped(label, 'null-value')
      const key = settled(keyOf(record.value, record), label)
      if (isAbsent(key) && !joiner.left) return task.dropped(label, 'null-key')
      const joined = joinRow(label, joiner, record, isAbsent(key) ? undefined : rowOf(rows, key, record.timestamp))
      if (joined !== null) emit(joined)
    }
  },
})

/** As of the record's time where the table is versioned, else as it is now. */
export const rowOf = <J, W>(rows: ReadableStore<J, W>, key: J, time: number): Entry<W> | undefined =>
  rows.asOf === undefined ? rows.get(key) : rows.asOf(key, time)

/** Null: an inner join found none. */
export const joinRow = <K, V, W, R>(
  label: string,
  joiner: TableJoiner<K, V, W, R>,
  record: AnyRec,
  row: Entry<W> | undefined,
): AnyRec | null => {
  if (joiner.left) return record.withValue(settled(joiner.join(record.value, row ? some(row.value) : none, record), label))
  return row ? record.withValue(settled(joiner.join(record.value, row.value, record), label)) : null
}

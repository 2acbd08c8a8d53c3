import { none, some, type Option } from 'fp-ts/lib/Option.js'
import type { Meta } from '../core/record.js'
import { settled } from '../operators/per-record.js'
import { isAbsent } from '../table/row.js'
import type { PerRecord, ReadableStore, TaskContext } from '../topology/operator.js'

/** What makes a result: a left join calls it for every record, an inner one only for those that found a row. */
export type TableJoiner<K, V, W, R> =
  | { readonly left: false; readonly join: (left: V, right: W, meta: Meta<K>) => R }
  | { readonly left: true; readonly join: (left: V, right: Option<W>, meta: Meta<K>) => R }

/** A stream looks up a table as it is now. The result has the stream record's key, timestamp and headers. */
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
      const row = isAbsent(key) ? undefined : rows.get(key)
      if (joiner.left) emit(record.withValue(settled(joiner.join(record.value, row ? some(row.value) : none, record), label)))
      else if (row) emit(record.withValue(settled(joiner.join(record.value, row.value, record), label)))
    }
  },
})

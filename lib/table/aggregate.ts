import { types } from 'node:util'
import { settled } from '../operators/per-record.js'
import type { AnyRec, Entry, PerRecord, StoreSpec } from '../topology/operator.js'
import type { Aggregator } from './aggregator.js'
import { changeOf, isAbsent } from './row.js'
import { openRows } from './rows.js'

/** Adds each value to the result of its key, and gives the change of that result. A result of null deletes the row. */
export const aggregate = <K, V, A>(by: Aggregator<K, V, A>, store: StoreSpec<K, A>, label = 'aggregate'): PerRecord => {
  const start = startOf(by.empty)
  return folding(store, label, (row, record) => by.add(row ? row.value : start(), record.value, record))
}

/** Does not look at the values, so they are not even decoded. */
export const count = <K>(store: StoreSpec<K, number>): PerRecord =>
  folding(
    store,
    'count',
    (row) => (row ? row.value + 1 : 1),
    (record) => record.isNull,
  )

/** As `aggregate`, where the first value of a key is its first result. */
export const reduce = <K, V>(f: (a: V, b: V) => V, store: StoreSpec<K, V>): PerRecord =>
  folding(store, 'reduce', (row, record) => (row ? f(row.value, record.value) : record.value))

const folding = <K, A>(
  store: StoreSpec<K, A>,
  label: string,
  next: (row: Entry<A> | undefined, record: AnyRec) => A,
  isEmpty: (record: AnyRec) => boolean = (record) => isAbsent(record.value),
): PerRecord => ({
  kind: 'per-record',
  label,
  writes: true,
  open: (task) => {
    const rows = openRows(task, store, label)
    return (record, emit) => {
      if (isAbsent(record.key)) return task.dropped(label, 'null-key')
      if (isEmpty(record)) return task.dropped(label, 'null-value')
      const told = rows.told(record.key)
      const row = rows.alive(told, record.timestamp)
      const timestamp = row && row.timestamp > record.timestamp ? row.timestamp : record.timestamp
      // The lambda comes before the first write: if it throws, nothing has happened.
      const change = rows.write(record.key, told, settled(next(row, record), label), timestamp, record.timestamp)
      rows.moveTo(record, emit)
      if (change) emit(changeOf(record, change, timestamp))
    }
  },
})

/**
 * Where a key starts. An `add` that changes what it is given would change `empty` for all keys to come, so what can be
 * copied is copied, once per new key; what is frozen, as in all of `agg`, need not be.
 */
export const startOf = <A>(empty: A): (() => A) => (isCopied(empty) ? () => structuredClone(empty) : () => empty)

const isCopied = (empty: unknown): boolean => {
  if (typeof empty !== 'object' || empty === null || Object.isFrozen(empty)) return false
  if (Array.isArray(empty) || types.isMap(empty) || types.isSet(empty) || types.isDate(empty)) return true
  // An instance of a class would come back without its methods.
  const prototype: unknown = Object.getPrototypeOf(empty)
  return prototype === Object.prototype || prototype === null
}

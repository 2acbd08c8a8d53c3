import { noHeaders } from '../core/headers.js'
import { Rec, type Meta } from '../core/record.js'
import type { AnyRec, Entry, KeyedStore, RowChange } from '../topology/operator.js'

/** Keys and values that are not there: undefined where a lambda gave nothing. */
export const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined

/**
 * What a lambda over a table is told of a row: its key and its time. A row comes from no single record, so topic is '',
 * partition and offset are -1, and there are no headers. The same whether the row is looked up or passes as a change.
 */
export const rowMeta = <K>(key: K, timestamp: number): Meta<K> => ({
  key,
  timestamp,
  headers: noHeaders,
  topic: '',
  partition: -1,
  offset: -1,
})

/** Replaces a row, or deletes it when `after` is absent. Null when there is nothing to tell: no row before, none after. */
export const writeRow = <K, A>(
  rows: KeyedStore<K, A>,
  key: K,
  before: Entry<A> | undefined,
  after: A | null | undefined,
  timestamp: number,
): RowChange<A> | null => {
  const beforeTimestamp = before ? before.timestamp : -1
  if (!isAbsent(after)) {
    rows.set(key, after, timestamp)
    return { before: before?.value, beforeTimestamp, after }
  }
  if (!before) return null
  rows.delete(key, timestamp)
  return { before: before.value, beforeTimestamp, after: undefined }
}

/** The change goes on with key, headers and origin of the record that brought it. */
export const changeOf = <A>(record: AnyRec, change: RowChange<A>, timestamp: number): Rec<unknown, RowChange<A>> =>
  new Rec<unknown, RowChange<A>>(record.key, change, timestamp, record.ownHeaders, record.origin)

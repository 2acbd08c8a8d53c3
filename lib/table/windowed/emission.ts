import type { Codec } from '../../core/codec.js'
import { Rec, type Windowed } from '../../core/record.js'
import type { AnyRec, Emit, Entry, RowChange } from '../../topology/operator.js'
import type { WindowRow } from './open-windows.js'

/** What is told of the windows, and when. The record is the one that brought it about: its headers go along. */
export interface Telling<K, A> {
  updated(row: WindowRow<K, A>, before: Entry<A> | undefined, record: AnyRec, emit: Emit): void
  /** A session that has become part of another. */
  removed(row: WindowRow<K, A>, record: AnyRec, emit: Emit): void
  /** Stream time has moved; comes before `closed`. */
  moved(time: number, record: AnyRec, emit: Emit): void
  /** Of one end and one start. */
  closed(rows: readonly WindowRow<K, A>[], record: AnyRec, emit: Emit): void
}

export const tell = <K, A>(
  { windowed }: WindowRow<K, A>,
  before: Entry<A> | undefined,
  after: Entry<A> | undefined,
  record: AnyRec,
  emit: Emit,
): void => {
  if (before === undefined && after === undefined) return
  const change: RowChange<A> = { before: before?.value, beforeTimestamp: before?.timestamp ?? -1, after: after?.value }
  // A deletion has the time of the last record of what is deleted.
  const timestamp = (after ?? before)?.timestamp ?? record.timestamp
  emit(new Rec<Windowed<K>, RowChange<A>>(windowed, change, timestamp, record.ownHeaders, record.origin))
}

const nothing = (): void => undefined

/** A result per change. */
export const tellUpdates = <K, A>(): Telling<K, A> => ({
  updated: (row, before, record, emit) => tell(row, before, row.entry, record, emit),
  removed: (row, record, emit) => tell(row, row.entry, undefined, record, emit),
  moved: nothing,
  closed: nothing,
})

/** One result per window, when it closes; those that close together in order of their keys. */
export const tellFinals = <K, A>(key: Codec<K>): Telling<K, A> => ({
  updated: nothing,
  removed: nothing,
  moved: nothing,
  closed: (rows, record, emit) => {
    for (const row of inKeyOrder(rows, key)) tell(row, undefined, row.entry, record, emit)
  },
})

export const inKeyOrder = <K, R extends { readonly windowed: Windowed<K> }>(rows: readonly R[], key: Codec<K>): readonly R[] => {
  if (rows.length < 2) return rows
  const encoded = rows.map((row) => ({ row, bytes: key.encode(row.windowed.key) ?? Buffer.alloc(0) }))
  return encoded.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map(({ row }) => row)
}

import { Rec, type Windowed } from '../../core/record.js'
import type { AnyRec, Emit, Entry, RowChange } from '../../topology/operator.js'
import type { WindowRow } from './window-row.js'

/** What is told of the windows, and when. The record is the one that brought it about: its headers go along. */
export interface Telling<K, A> {
  updated(row: WindowRow<K>, before: Entry<A> | undefined, after: Entry<A> | undefined, record: AnyRec, emit: Emit): void
  /** A session that has become part of another. */
  removed(row: WindowRow<K>, result: Entry<A> | undefined, record: AnyRec, emit: Emit): void
  /** Stream time has moved: tells one that was held back until then; false: none is. Comes before `closed`. */
  moved(time: number, record: AnyRec, emit: Emit): boolean
  /** In the order in which they close. */
  closed(row: WindowRow<K>, result: Entry<A> | undefined, record: AnyRec, emit: Emit): void
}

export const tell = <K, A>(
  { windowed }: WindowRow<K>,
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
const none = (): boolean => false

/** A result per change. */
export const tellUpdates = <K, A>(): Telling<K, A> => ({
  updated: tell,
  removed: (row, result, record, emit) => tell(row, result, undefined, record, emit),
  moved: none,
  closed: nothing,
})

/** One result per window, when it closes. */
export const tellFinals = <K, A>(): Telling<K, A> => ({
  updated: nothing,
  removed: nothing,
  moved: none,
  closed: (row, result, record, emit) => tell(row, undefined, result, record, emit),
})

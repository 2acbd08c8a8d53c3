import type { AnyRec, Entry } from '../../topology/operator.js'
import type { Bounds } from '../../window/bounds.js'
import type { KeyWindows, WindowRow } from './window-row.js'

export interface Update<K, A> {
  readonly row: WindowRow<K>
  /** What it had. */
  readonly before: Entry<A> | undefined
  readonly value: A
  readonly timestamp: number
  /** One of those removed goes on with these bounds. */
  readonly moved?: Bounds | undefined
}
/** What a record does to the windows of its key, worked out before anything is written: a lambda that throws has done nothing. */
export interface Planned<K, A> {
  /** It counts into no window. */
  readonly isLate: boolean
  readonly removed: readonly WindowRow<K>[]
  /** By start. */
  readonly updated: readonly Update<K, A>[]
  /** How many more are open afterwards. */
  readonly opens: number
  readonly then?: () => void
}
export type Plan<K, A> = (record: AnyRec, of: KeyWindows<K>, time: number) => Planned<K, A>

export const late: Planned<never, never> = Object.freeze({ isLate: true, removed: [], updated: [], opens: 0 })

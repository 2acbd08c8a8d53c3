import type { AnyRec } from '../../topology/operator.js'
import type { KeyId, WindowRow } from './open-windows.js'

export interface Update<K, A> {
  readonly row: WindowRow<K, A>
  readonly value: A
  readonly timestamp: number
}
/** What a record does to the windows of its key, worked out before anything is written: a lambda that throws has done nothing. */
export interface Planned<K, A> {
  /** It counts into no window. */
  readonly isLate: boolean
  readonly removed: readonly WindowRow<K, A>[]
  /** By start. */
  readonly updated: readonly Update<K, A>[]
  readonly then?: () => void
}
export type Plan<K, A> = (record: AnyRec, id: KeyId, time: number) => Planned<K, A>

export const late: Planned<never, never> = Object.freeze({ isLate: true, removed: [], updated: [] })

import type { AnyRec } from '../../topology/operator.js'
import type { Bounds } from '../../window/bounds.js'
import type { AlignedWindows } from '../../window/windows.js'
import type { Fold } from './fold.js'
import type { OpenWindows } from './open-windows.js'
import { late, type Planned, type Update } from './plan.js'
import { WindowRow, windowOf, type KeyWindows } from './window-row.js'

/** Tumbling, hopping and calendar windows: the time of a record says which windows it is in. */
export const planAligned =
  <K, A>(windows: AlignedWindows, open: OpenWindows<K, A>, fold: Fold<A>) =>
  (record: AnyRec, of: KeyWindows<K>, time: number): Planned<K, A> => {
    let updated: Update<K, A>[] = []
    let opens = 0
    const all = windows.windowsOf(record.timestamp)
    for (let i = 0; i < all.length; i++) {
      const { start, end } = all[i] as Bounds
      if (open.isClosed(end, time)) continue
      const known = of.find(start)
      if (known === null) opens++
      const update = updateOf(open, known ?? new WindowRow<K>(of, windowOf(record.key as K, start, end)), record, fold)
      // An array that begins empty has room for seventeen as soon as it has one.
      if (updated.length === 0) updated = [update]
      else updated.push(update)
    }
    return updated.length === 0 ? late : { isLate: false, removed: none, updated, opens }
  }

export const updateOf = <K, A>(open: OpenWindows<K, A>, row: WindowRow<K>, record: AnyRec, fold: Fold<A>): Update<K, A> => {
  const before = open.resultOf(row)
  const timestamp = before !== undefined && before.timestamp > record.timestamp ? before.timestamp : record.timestamp
  return { row, before, value: fold.add(before?.value, record), timestamp }
}

const none = Object.freeze([])

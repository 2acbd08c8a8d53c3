import type { AnyRec } from '../../topology/operator.js'
import type { AlignedWindows } from '../../window/windows.js'
import type { Fold } from './fold.js'
import { WindowRow, type KeyId, type OpenWindows } from './open-windows.js'
import { late, type Planned, type Update } from './plan.js'

/** Tumbling, hopping and calendar windows: the time of a record says which windows it is in. */
export const planAligned =
  <K, A>(windows: AlignedWindows, open: OpenWindows<K, A>, fold: Fold<A>) =>
  (record: AnyRec, id: KeyId, time: number): Planned<K, A> => {
    const updated: Update<K, A>[] = []
    for (const bounds of windows.windowsOf(record.timestamp)) {
      if (open.isClosed(bounds, time)) continue
      const row = open.find(id, bounds.start) ?? new WindowRow<K, A>(id, record.key, bounds.start, bounds.end)
      updated.push(updateOf(row, record, fold))
    }
    return updated.length === 0 ? late : { isLate: false, removed: [], updated }
  }

export const updateOf = <K, A>(row: WindowRow<K, A>, record: AnyRec, fold: Fold<A>): Update<K, A> => ({
  row,
  value: fold.add(row.entry?.value, record),
  timestamp: Math.max(row.entry?.timestamp ?? -1, record.timestamp),
})

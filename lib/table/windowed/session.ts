import type { AnyRec } from '../../topology/operator.js'
import type { Bounds } from '../../window/bounds.js'
import type { GapWindows } from '../../window/windows.js'
import type { Fold } from './fold.js'
import type { OpenWindows } from './open-windows.js'
import { late, type Planned, type Update } from './plan.js'
import { isSame, WindowRow, windowOf, type KeyWindows } from './window-row.js'

/** A record merges the open sessions it touches; a closed one is final and stays as it is. */
export const planSession =
  <K, A>({ gapMs }: GapWindows, open: OpenWindows<K, A>, fold: Fold<A>) =>
  (record: AnyRec, of: KeyWindows<K>, time: number): Planned<K, A> => {
    const at = record.timestamp
    const touched: WindowRow<K>[] = []
    const merged = { start: at, end: at }
    for (let row = of.newest; row !== null; row = row.older) {
      if (row.start - gapMs > at || row.end + gapMs < at || open.isClosed(row.end, time)) continue
      touched.push(row)
      if (row.start < merged.start) merged.start = row.start
      if (row.end > merged.end) merged.end = row.end
    }
    if (open.isClosed(merged.end, time)) return late
    if (touched.length > 1) touched.reverse()
    const update = updateOf(open, touched, merged, of, record, fold)
    const removed = touched.filter((row) => row !== update.row || update.moved !== undefined)
    return { isLate: false, removed, updated: [update], opens: touched.length === 0 ? 1 : 0 }
  }

/** The session that goes on, with the results of all it has touched, the oldest first. */
const updateOf = <K, A>(
  open: OpenWindows<K, A>,
  touched: readonly WindowRow<K>[],
  merged: Bounds,
  of: KeyWindows<K>,
  record: AnyRec,
  fold: Fold<A>,
): Update<K, A> => {
  const results: A[] = []
  let { timestamp } = record
  let same: WindowRow<K> | null = null
  for (const row of touched) {
    if (isSame(row, merged)) same = row
    const result = open.resultOf(row)
    if (result === undefined) continue
    results.push(result.value)
    if (result.timestamp > timestamp) timestamp = result.timestamp
  }
  const value = fold.add(fold.merge !== null && results.length > 0 ? fold.merge(results) : undefined, record)
  if (same !== null) return { row: same, before: open.resultOf(same), value, timestamp, moved: undefined }
  const last = touched.at(-1)
  // The last of them goes on with the new bounds, unless it would then be told later than in its turn.
  if (last?.queuedAs && last.queuedAs.end < merged.end) return { row: last, before: undefined, value, timestamp, moved: merged }
  const storedAs = last?.storedAs ?? windowOf(record.key as K, merged.start, merged.end)
  return { row: new WindowRow<K>(of, storedAs, merged), before: undefined, value, timestamp, moved: undefined }
}

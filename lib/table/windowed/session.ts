import type { AnyRec } from '../../topology/operator.js'
import type { GapWindows } from '../../window/windows.js'
import type { Fold } from './fold.js'
import type { OpenWindows } from './open-windows.js'
import { late, type Planned, type Update } from './plan.js'
import { WindowRow, windowOf, type KeyId } from './window-row.js'

/** A record merges the open sessions it touches; a closed one is final and stays as it is. */
export const planSession =
  <K, A>({ gapMs }: GapWindows, open: OpenWindows<K, A>, fold: Fold<A>) =>
  (record: AnyRec, id: KeyId, time: number): Planned<K, A> => {
    const touched: WindowRow<K>[] = []
    const results: A[] = []
    let [start, end, timestamp] = [record.timestamp, record.timestamp, record.timestamp]
    for (let row = open.newestOf(id); row !== null; row = row.older) {
      if (!(row.start - gapMs <= record.timestamp && record.timestamp <= row.end + gapMs) || open.isClosed(row, time)) continue
      touched.push(row)
      start = Math.min(start, row.start)
      end = Math.max(end, row.end)
    }
    if (open.isClosed({ start, end }, time)) return late
    for (const row of touched.length > 1 ? touched.reverse() : touched) {
      const result = open.resultOf(row)
      if (result === undefined) continue
      results.push(result.value)
      timestamp = Math.max(timestamp, result.timestamp)
    }
    const value = fold.add(fold.merge !== null && results.length > 0 ? fold.merge(results) : undefined, record)
    const same = touched.find((row) => row.start === start && row.end === end)
    return {
      isLate: false,
      removed: same === undefined ? touched : touched.filter((row) => row !== same),
      updated: [
        same === undefined ? { ...heir(touched, id, record, start, end), value, timestamp } : sameBounds(open, same, value, timestamp),
      ],
      opens: touched.length === 0 ? 1 : 0,
    }
  }

const sameBounds = <K, A>(open: OpenWindows<K, A>, row: WindowRow<K>, value: A, timestamp: number): Update<K, A> => ({
  row,
  before: open.resultOf(row),
  value,
  timestamp,
})

/** The last of the merged sessions goes on with the new bounds, unless it would then be told later than in its turn. */
const heir = <K, A>(
  touched: readonly WindowRow<K>[],
  id: KeyId,
  { key }: AnyRec,
  start: number,
  end: number,
): Pick<Update<K, A>, 'row' | 'before' | 'moved'> => {
  const last = touched.at(-1)
  if (last?.queuedAs && last.queuedAs.end < end) return { row: last, before: undefined, moved: { start, end } }
  return { row: new WindowRow<K>(id, windowOf(key as K, start, end), last?.born), before: undefined }
}

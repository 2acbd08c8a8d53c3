import type { AnyRec } from '../../topology/operator.js'
import type { GapWindows } from '../../window/windows.js'
import type { Fold } from './fold.js'
import { WindowRow, type KeyId, type OpenWindows } from './open-windows.js'
import { late, type Planned } from './plan.js'

/** A record merges the open sessions it touches; a closed one is final and stays as it is. */
export const planSession =
  <K, A>({ gapMs }: GapWindows, open: OpenWindows<K, A>, fold: Fold<A>) =>
  (record: AnyRec, id: KeyId, time: number): Planned<K, A> => {
    const { timestamp, key } = record
    const touched = open.of(id).filter((row) => row.start - gapMs <= timestamp && timestamp <= row.end + gapMs && !open.isClosed(row, time))
    const start = Math.min(timestamp, ...touched.map((row) => row.start))
    const end = Math.max(timestamp, ...touched.map((row) => row.end))
    if (open.isClosed({ start, end }, time)) return late
    const same = touched.find((row) => row.start === start && row.end === end)
    const row = same ?? new WindowRow<K, A>(id, key, start, end)
    const results = touched.flatMap(({ entry }) => (entry === undefined ? [] : [entry.value]))
    const merged = fold.merge !== null && results.length > 0 ? fold.merge(results) : undefined
    const newest = Math.max(timestamp, ...touched.map(({ entry }) => entry?.timestamp ?? -1))
    return {
      isLate: false,
      removed: touched.filter((other) => other !== same),
      updated: [{ row, value: fold.add(merged, record), timestamp: newest }],
    }
  }

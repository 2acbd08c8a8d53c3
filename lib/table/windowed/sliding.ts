import type { AnyRec } from '../../topology/operator.js'
import type { SlidingWindows } from '../../window/windows.js'
import { updateOf } from './aligned.js'
import type { Fold } from './fold.js'
import { WindowRow, type KeyId, type OpenWindows } from './open-windows.js'
import type { KeptRecord, RecentRecords } from './recent-records.js'
import { late, type Planned, type Update } from './plan.js'

/**
 * Per record the window that ends at it, the one that begins just after it when later records fall in, and the one that begins just
 * after the record before it. Whoever is the first to need a window finds its content among the recent records.
 */
export const planSliding =
  <K, A>({ sizeMs, timing }: SlidingWindows, open: OpenWindows<K, A>, recent: RecentRecords<K>, fold: Fold<A>) =>
  (record: AnyRec, id: KeyId, time: number): Planned<K, A> => {
    const at = record.timestamp
    if (at + sizeMs + timing.graceMs < time) return late
    const earlier = recent.of(id)
    const updated: Update<K, A>[] = []
    for (const start of startsOf(at, sizeMs, earlier, open.of(id))) {
      const end = start + sizeMs
      if (open.isClosed({ start, end }, time)) continue
      const known = open.find(id, start)
      if (known !== undefined) {
        updated.push(updateOf(known, record, fold))
        continue
      }
      const row = new WindowRow<K, A>(id, record.key, start, end)
      const within = earlier.filter(({ timestamp }) => timestamp >= start && timestamp <= end).sort((a, b) => a.arrival - b.arrival)
      const content = start <= at ? [...within.map((kept) => kept.as(record)), record] : within.map((kept) => kept.as(record))
      updated.push(foldAll(row, content, fold))
    }
    // A late one may be the first to part what came after it from what came before; it is in no window, and none will begin with it.
    const isLate = !updated.some(({ row }) => row.start <= at)
    return { isLate, removed: [], updated, ...(!isLate && { then: () => recent.add(id, record) }) }
  }

/** Of the windows that hold the record, and of its own right one, in order. */
const startsOf = <K, A>(
  at: number,
  sizeMs: number,
  earlier: readonly KeptRecord[],
  open: readonly WindowRow<K, A>[],
): readonly number[] => {
  const starts = new Set<number>([Math.max(0, at - sizeMs)])
  for (const { start, end } of open) if (start <= at && at <= end) starts.add(start)
  const before = earlier.reduce((newest, { timestamp }) => (timestamp < at && timestamp > newest ? timestamp : newest), -1)
  if (before >= 0 && before + 1 + sizeMs >= at) starts.add(before + 1)
  const right = at + 1
  const isRightNew = !open.some(({ start }) => start === right)
  if (isRightNew && earlier.some(({ timestamp }) => timestamp >= right && timestamp <= right + sizeMs)) starts.add(right)
  return [...starts].sort((a, b) => a - b)
}

const foldAll = <K, A>(row: WindowRow<K, A>, content: readonly AnyRec[], fold: Fold<A>): Update<K, A> => {
  let value: A | undefined
  let timestamp = -1
  for (const one of content) {
    value = fold.add(value, one)
    timestamp = Math.max(timestamp, one.timestamp)
  }
  // A window is made because a record lies in it.
  return { row, value: value as A, timestamp }
}

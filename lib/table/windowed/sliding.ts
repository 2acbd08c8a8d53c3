import type { AnyRec } from '../../topology/operator.js'
import type { SlidingWindows } from '../../window/windows.js'
import { updateOf } from './aligned.js'
import type { Fold } from './fold.js'
import type { OpenWindows } from './open-windows.js'
import { late, type Planned, type Update } from './plan.js'
import type { RecentRecords } from './recent-records.js'
import { WindowRow, windowOf, type KeyWindows } from './window-row.js'

/**
 * Per record the window that ends at it, the one that begins just after it when later records fall in, and the one that begins just
 * after the record before it. Whoever is the first to need a window finds its content among the recent records.
 */
export const planSliding =
  <K, A>({ sizeMs, timing }: SlidingWindows, open: OpenWindows<K, A>, recent: RecentRecords<K>, fold: Fold<A>) =>
  (record: AnyRec, of: KeyWindows<K>, time: number): Planned<K, A> => {
    const at = record.timestamp
    if (at + sizeMs + timing.graceMs < time) return late
    const updated: Update<K, A>[] = []
    let opens = 0
    for (const start of startsOf(at, sizeMs, of, recent)) {
      const end = start + sizeMs
      if (open.isClosed(end, time)) continue
      const known = of.find(start)
      if (known !== null) {
        updated.push(updateOf(open, known, record, fold))
        continue
      }
      const content = recent.between(of.id, start, end).map((kept) => kept.as(record))
      if (start <= at) content.push(record)
      updated.push(foldAll(new WindowRow<K>(of, windowOf(record.key as K, start, end)), content, fold))
      opens++
    }
    // A late one may be the first to part what came after it from what came before; it is in no window, and none will begin with it.
    const isLate = !updated.some(({ row }) => row.start <= at)
    return { isLate, removed: none, updated, opens, ...(!isLate && { then: () => recent.add(of.id, record) }) }
  }

/** Of the windows that hold the record, and of its own right one, in order. */
const startsOf = <K>(at: number, sizeMs: number, of: KeyWindows<K>, recent: RecentRecords<K>): readonly number[] => {
  const first = Math.max(0, at - sizeMs)
  const starts = new Set<number>([first])
  let row = of.newest
  for (; row !== null && row.start >= first; row = row.older) if (row.start <= at) starts.add(row.start)
  const before = recent.before(of.id, at)
  if (before >= 0 && before + 1 + sizeMs >= at) starts.add(before + 1)
  const right = at + 1
  if (of.find(right) === null && recent.has(of.id, right, right + sizeMs)) starts.add(right)
  return [...starts].sort((a, b) => a - b)
}

const foldAll = <K, A>(row: WindowRow<K>, content: readonly AnyRec[], fold: Fold<A>): Update<K, A> => {
  let value: A | undefined
  let timestamp = -1
  for (const one of content) {
    value = fold.add(value, one)
    timestamp = Math.max(timestamp, one.timestamp)
  }
  // A window is made because a record lies in it.
  return { row, before: undefined, value: value as A, timestamp }
}

const none = Object.freeze([])

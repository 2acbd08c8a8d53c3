import type { Case, WindowConfig } from './case.js'
import { canonical } from './run.js'
import { selectorOf } from './words.js'

/** Keys, and the step from which on a rule may touch them. */
type Touched = ReadonlyMap<string, number>

/** The largest time of what has a key and a value, after each input. */
export const streamTimes = ({ input }: Case): readonly number[] => {
  let newest = -1
  return input.map(([, key, value, timestamp]) => (newest = key === null || value === null ? newest : Math.max(newest, timestamp)))
}

const touchedBy = (given: Case, isTouching: (record: Case['input'][number], step: number) => boolean): Touched => {
  const from = new Map<string, number>()
  given.input.forEach((record, step) => {
    const key = canonical(record[1])
    if (!from.has(key) && record[1] !== null && isTouching(record, step)) from.set(key, step)
  })
  return from
}

/** A null value that has been spelt as a word. */
export const nullsSpelt = (given: Case): Touched => touchedBy(given, ([, , value]) => value === 'null')

/** A window of a record is closed at the time of all inputs, and not at that of its own. */
export const lateByOthers = (given: Case): Touched => {
  const own = new Map<string, number>()
  const times = streamTimes(given)
  return touchedBy(given, ([side, , , timestamp], step) => {
    own.set(side, Math.max(own.get(side) ?? -1, timestamp))
    return closingTimes(given.config.window, timestamp).some((time) => time <= (times[step] ?? 0) && time > (own.get(side) ?? 0))
  })
}

/** When the windows that a record may be in close. */
const closingTimes = (window: WindowConfig | undefined, timestamp: number): readonly number[] => {
  const { type, sizeMs = 0, advanceMs = sizeMs, timeDifferenceMs = 0, gapMs = 0, graceMs = 0 } = window ?? {}
  if (type === 'session') return [timestamp + gapMs + graceMs + 1]
  if (type === 'sliding') return Array.from({ length: 2 * timeDifferenceMs + 2 }, (_, i) => timestamp + i + graceMs + 1)
  const first = Math.max(0, Math.floor((timestamp - sizeMs) / advanceMs + 1) * advanceMs)
  const count = Math.floor((timestamp - first) / advanceMs) + 1
  return Array.from({ length: count }, (_, i) => first + i * advanceMs + sizeMs + graceMs)
}

/** The stream time meets the very moment at which a window of the key closes, and is still open. */
export const meetsItsEnd = (given: Case): Touched => {
  const { timeDifferenceMs: size = 0, gapMs = 0, graceMs = 0 } = given.config.window ?? {}
  const from = new Map<string, number>()
  streamTimes(given).forEach((streamTime, step) => {
    for (const [, key, , time] of given.input.slice(0, step + 1)) {
      const ends = size > 0 ? [time, Math.max(time, size), time + 1 + size] : [time]
      if (ends.includes(streamTime - gapMs - graceMs) && !from.has(canonical(key))) from.set(canonical(key), step)
    }
  })
  return from
}

/** A record is late for the sliding window that ends with it, so another that starts later may hold it and be made from one that does not. */
export const latePartly = (given: Case): Touched => {
  const times = streamTimes(given)
  const { graceMs = 0 } = given.config.window ?? {}
  return touchedBy(given, ([, , value, timestamp], step) => value !== null && timestamp + graceMs < (times[step] ?? 0))
}

/** A record is within the gap of another of its key that closes now, or has closed. */
export const meetsClosed = (given: Case): Touched => {
  const { gapMs = 0, graceMs = 0 } = given.config.window ?? {}
  const times = streamTimes(given)
  return touchedBy(given, ([, key, , timestamp], step) =>
    given.input
      .slice(0, step)
      .some(
        ([, other, , time]) =>
          canonical(other) === canonical(key) && Math.abs(time - timestamp) <= gapMs && time + gapMs + graceMs <= (times[step] ?? 0),
      ),
  )
}

/** The row has a value, and no foreign key. */
export const nullForeignKeys = (given: Case): Touched => {
  const select = selectorOf(given.config.foreignKeyExtractor ?? "text after '|'")
  return touchedBy(given, ([side, key, value]) => side === 'left' && value !== null && select(value, key) === null)
}

/** The first step that updates a key which may be held; −1: none. */
export const firstHeldAgain = ({ input }: Case): number =>
  input.findIndex(([, key], step) => input.slice(0, step).some(([, other]) => canonical(other) === canonical(key)))

/** The inputs that delete a row that is not there, as a table has it at that moment. */
export const deletesOfNothing = ({ config, input }: Case): ReadonlySet<number> => {
  const rows = new Map<string, { readonly isThere: boolean; readonly timestamp: number }>()
  const steps = new Set<number>()
  input.forEach(([side, key, value, timestamp], step) => {
    const row = canonical([side, key])
    const known = rows.get(row)
    const history = side === 'left' ? config.leftVersionedHistoryRetentionMs : config.rightVersionedHistoryRetentionMs
    if (history !== undefined && known !== undefined && timestamp < known.timestamp) return
    if (value === null && known?.isThere !== true) steps.add(step)
    rows.set(row, { isThere: value !== null, timestamp })
  })
  return steps
}

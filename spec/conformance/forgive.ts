import type { Case, Result, Steps } from './case.js'
import { canonical } from './run.js'
import { deletesOfNothing, streamTimes } from './touched.js'
import { joined, selectorOf } from './words.js'

export interface Both {
  readonly expected: Steps
  readonly actual: Steps
}

interface WindowedKey {
  readonly key: unknown
  readonly start: number
  readonly end: number
}
const windowOf = ([key]: Result): WindowedKey | null =>
  typeof key === 'object' && key !== null && 'start' in key && 'end' in key ? (key as WindowedKey) : null

/** The key of the record, of a windowed one too. */
const keyOf = (result: Result): string => canonical(windowOf(result)?.key ?? result[0])

const filtered = (steps: Steps, keeps: (result: Result, step: number) => boolean): Steps =>
  steps.map((results, step) => results.filter((result) => keeps(result, step)))

/** Without what a key has given from some step on. */
export const withoutKeysFrom = ({ expected, actual }: Both, from: ReadonlyMap<string, number>): Both => {
  const isBefore = (result: Result, step: number): boolean => step < (from.get(keyOf(result)) ?? Infinity)
  return { expected: filtered(expected, isBefore), actual: filtered(actual, isBefore) }
}

/** Of the keys touched, only the last result of each window that has closed, after the last step. */
export const afterLast = ({ expected, actual }: Both, given: Case, touched: ReadonlyMap<string, number>): Both => {
  const { timeDifferenceMs = 0, graceMs = 0 } = given.config.window ?? {}
  const streamTime = Math.max(...streamTimes(given))
  const isClosed = (result: Result): boolean => (windowOf(result)?.start ?? 0) + timeDifferenceMs + graceMs < streamTime
  const gathered = (steps: Steps): Steps => {
    const last = new Map(
      steps
        .flat()
        .filter((result) => touched.has(keyOf(result)) && isClosed(result))
        .map((result) => [canonical(result[0]), result]),
    )
    const sorted = [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, result]) => result)
    return [...filtered(steps, (result) => !touched.has(keyOf(result))), sorted]
  }
  return { expected: gathered(expected), actual: gathered(actual) }
}

export const withoutDeletes = (results: readonly Result[]): readonly Result[] => results.filter(([, value]) => value !== null)

/** A null, and at once the same key again. */
export const withoutNullsBeforeUpdates = (results: readonly Result[]): readonly Result[] =>
  results.filter(([key, value], i) => value !== null || canonical(key) !== canonical(results[i + 1]?.[0]))

export const sorted = (results: readonly Result[]): readonly Result[] => results.toSorted((a, b) => (canonical(a) < canonical(b) ? -1 : 1))

export const distinct = (results: readonly Result[]): readonly Result[] => [
  ...new Map(results.map((result) => [canonical(result), result])).values(),
]

/** Without deletes of results that were not there, and without what came of deleting a row that was not. */
export const withoutDeletesOfNothing = (steps: Steps, given: Case): Steps => {
  const rows = new Set<string>()
  const nothing = deletesOfNothing(given)
  return filtered(steps, ([key, value], step) => {
    if (nothing.has(step)) return false
    if (value === null) return rows.delete(canonical(key))
    rows.add(canonical(key))
    return true
  })
}

/** Without the windows that are nowhere in theirs, and whose rows their store no longer had when they closed. */
export const withoutLost = ({ expected, actual }: Both, given: Case): Both => {
  const known = new Set(expected.flat().map(([key]) => canonical(key)))
  const { type, sizeMs = 0, timeDifferenceMs = 0, gapMs = 0, graceMs = 0, retentionMs } = given.config.window ?? {}
  const kept = retentionMs ?? sizeMs + 2 * timeDifferenceMs + gapMs + graceMs
  const times = streamTimes(given)
  const isLost = (result: Result, step: number): boolean => {
    const window = windowOf(result)
    const at = (type === 'session' ? window?.end : window?.start) ?? Infinity
    return at <= (times[step] ?? 0) - kept && !known.has(canonical(result[0]))
  }
  return { expected, actual: filtered(actual, (result, step) => !isLost(result, step)) }
}

/** Without our joins on a null key, where theirs gave nothing. */
export const withoutJoinsOnNull = ({ expected, actual }: Both, { config, input }: Case): Both => {
  const select = selectorOf(config.keySelector)
  const isOnNull = (result: Result, step: number): boolean => {
    const [side, key, value, timestamp] = input[step] ?? ['right', null, null, 0]
    if (side !== 'left' || key === null || value === null || select(value, key) !== null) return false
    return expected[step]?.length === 0 && canonical(result) === canonical([key, joined(config, value, null, key), timestamp])
  }
  return { expected, actual: filtered(actual, (result, step) => !isOnNull(result, step)) }
}

import { isDeepStrictEqual } from 'node:util'
import type { Result } from './law.js'

/**
 * Null when `actual` is what each partition must give, in its order, whatever the order among partitions. Where outputs may repeat:
 * each partition may go back and give again what it has given.
 */
export const interleaved = (expected: readonly (readonly Result[])[], actual: readonly Result[], mayRepeat: boolean): string | null => {
  const given = expected.map(() => 0)
  for (const result of actual) {
    let partition = expected.findIndex((results, p) => isDeepStrictEqual(results[given[p] ?? 0], result))
    if (partition === -1 && mayRepeat) {
      partition = expected.findIndex((results, p) => {
        const again = results.slice(0, given[p]).findLastIndex((one) => isDeepStrictEqual(one, result))
        if (again !== -1) given[p] = again
        return again !== -1
      })
    }
    if (partition === -1) return difference(expected, actual)
    given[partition] = (given[partition] ?? 0) + 1
  }
  return expected.every((results, p) => given[p] === results.length) ? null : difference(expected, actual)
}

const difference = (expected: readonly (readonly Result[])[], actual: readonly Result[]): string =>
  `expected ${expected.map((results) => shown(results)).join(' and ')}, actual ${shown(actual)}`
const shown = (results: readonly Result[]): string => JSON.stringify(results)

/** Puts what came out into `rows`, which must then be those of the reference. */
export const rowsAgree = (
  rows: Map<unknown, unknown>,
  actual: readonly Result[],
  expected: ReadonlyMap<string, unknown>,
  mayRepeat: boolean,
): string | null => {
  for (const [, key, value] of actual) {
    if (value !== null) rows.set(key, value)
    else if (!rows.delete(key) && !mayRepeat) return `a delete of ${String(key)}, which was not there: ${shown(actual)}`
  }
  const text = (map: ReadonlyMap<unknown, unknown>): string => JSON.stringify([...map].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
  return text(rows) === text(expected) ? null : `expected the rows ${text(expected)}, actual ${text(rows)}, after ${shown(actual)}`
}

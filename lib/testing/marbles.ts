import { inspect, isDeepStrictEqual } from 'node:util'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import type { KRecord } from '../core/record.js'

/** What the letters of a diagram stand for: key and value; a null value is a tombstone. */
export type MarbleNames<K, V> = Readonly<Record<string, readonly [K, V | null]>>

export interface Marble {
  readonly name: string
  /** Event time, ms since the epoch. */
  readonly at: number
}

const progress = /^(\d+(?:\.\d+)?(?:ms|s|m|h|d))(?= |$)/

/** RxJS's diagrams: a frame is 1 ms of event time; `5s` between spaces lets time pass; a group is at one time, and takes a frame per character. */
export const parseMarbles = (diagram: string): readonly Marble[] => {
  const marbles: Marble[] = []
  let time = 0
  let group: number | null = null
  for (let i = 0; i < diagram.length; i++) {
    const char = diagram.charAt(i)
    const passed = char === ' ' || i === 0 ? progress.exec(diagram.slice(char === ' ' ? i + 1 : i)) : null
    if (passed && group === null) {
      // The pattern is that of durations.
      time += durationMs(passed[1] as Duration, 'a diagram')
      i += passed[0].length - (char === ' ' ? 0 : 1)
      continue
    }
    if (char === ' ') continue
    if (char === '(') group = time
    else if (char === ')') group = null
    else if ('|#^!'.includes(char)) throw new MillraceError('MR_CONFIG', `a diagram of records has no ${char}: ${diagram}`)
    else if (char !== '-') marbles.push({ name: char, at: group ?? time })
    time++
  }
  return marbles
}

/** The canonical diagram of some marbles, in order of time. */
export const drawMarbles = (marbles: readonly Marble[]): string => {
  let drawn = ''
  let time = 0
  const sorted = marbles.toSorted((a, b) => a.at - b.at)
  for (let i = 0; i < sorted.length;) {
    const at = sorted[i]?.at ?? 0
    const together = sorted.filter((marble) => marble.at === at).map(({ name }) => name)
    const gap = at - time
    drawn += gap > 0 && gap <= 20 ? '-'.repeat(gap) : gap === 0 ? '' : `${drawn === '' ? '' : ' '}${gap}ms `
    drawn += together.length === 1 ? (together[0] ?? '') : `(${together.join('')})`
    time = at + (together.length === 1 ? 1 : together.length + 2)
    i += together.length
  }
  return drawn
}

/** Records as marbles; one that no name stands for shows as itself. */
export const marblesOf = <K, V>(records: readonly KRecord<K, V | null>[], names: MarbleNames<K, V>): readonly Marble[] =>
  records.map(({ key, value, timestamp }) => {
    const found = Object.entries(names).find(([, pair]) => isDeepStrictEqual([key, value], [...pair]))
    return { name: found?.[0] ?? `<${inspect(key)}: ${inspect(value)}>`, at: timestamp }
  })

interface Readable {
  read(): readonly KRecord<unknown, unknown>[]
}

/** What the matcher says of an output. */
export const matchMarbles = (
  output: Readable,
  diagram: string,
  names: MarbleNames<unknown, unknown>,
): { readonly pass: boolean; message(): string } => {
  const [expected, actual] = [drawMarbles(parseMarbles(diagram)), drawMarbles(marblesOf(output.read(), names))]
  return { pass: expected === actual, message: () => `expected  ${expected}\nactual    ${actual}` }
}

/**
 * A matcher for jest and vitest: `expect(t.output(counts)).toMatchMarbles('--a 5s b', { a: ['ada', 1], b: ['ada', 2] })`. Compares
 * what has been written since the last read, in order of event time; both diagrams are shown when they differ.
 *
 * @example
 * expect.extend(marbleMatchers)
 * @since 0.1.0
 */
export const marbleMatchers: Readonly<Record<string, (...args: never[]) => unknown>> = Object.freeze({ toMatchMarbles: matchMarbles })

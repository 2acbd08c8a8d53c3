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

const progress = /^(@?)(\d+(?:\.\d+)?(?:ms|s|m|h|d))(?= |$)/

/**
 * RxJS's diagrams: a frame is 1 ms of event time; `5s` between spaces lets time pass; a group is at one time, and takes a frame per character.
 * Not of RxJS: `@5s` goes to that time, for what comes sooner than the frames of a group before it.
 */
export const parseMarbles = (diagram: string): readonly Marble[] => {
  const marbles: Marble[] = []
  let time = 0
  let group: number | null = null
  for (let i = 0; i < diagram.length; i++) {
    const char = diagram.charAt(i)
    const passed = char === ' ' || i === 0 ? progress.exec(diagram.slice(char === ' ' ? i + 1 : i)) : null
    if (passed && group === null) {
      // The pattern is that of durations.
      time = (passed[1] === '@' ? 0 : time) + durationMs(passed[2] as Duration, 'a diagram')
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
export const drawMarbles = (marbles: readonly Marble[]): string => drawAligned([marbles])[0] ?? ''

/** Diagrams under each other: what is at one time begins in one column of all. */
export const drawAligned = (diagrams: readonly (readonly Marble[])[]): readonly string[] => {
  const rows = diagrams.map(cellsOf)
  const times = [...new Set(rows.flatMap((row) => [...row.keys()]))].sort((a, b) => a - b)
  return (rows.some(isTight) ? byTimes(rows, times) : byFrames(rows, times)).map((drawn) => drawn.trimEnd())
}

/** What is drawn at each time. */
type Cells = ReadonlyMap<number, string>

const cellsOf = (marbles: readonly Marble[]): Cells => {
  const together = new Map<number, string>()
  for (const { name, at } of marbles.toSorted((a, b) => a.at - b.at)) together.set(at, (together.get(at) ?? '') + name)
  return new Map([...together].map(([at, names]) => [at, names.length === 1 ? names : `(${names})`]))
}

/** A group takes frames that something else needs. */
const isTight = (cells: Cells): boolean => {
  let end = 0
  for (const [at, cell] of cells) {
    if (at < end) return true
    end = at + cell.length
  }
  return false
}

const byTimes = (rows: readonly Cells[], times: readonly number[]): readonly string[] => {
  const widths = times.map((at) => Math.max(...rows.map((row) => row.get(at)?.length ?? 0)))
  return rows.map((row) => times.map((at, i) => `@${at}ms ${(row.get(at) ?? '').padEnd(widths[i] ?? 0)}`).join(' '))
}

/** A character per frame; where all diagrams are idle for long, the same words let time pass in each. */
const byFrames = (rows: readonly Cells[], times: readonly number[]): readonly string[] => {
  const drawn = rows.map(() => '')
  let start = 0
  let column = 0
  let end = 0
  for (const at of times) {
    if (at - end > 20) {
      const passing = `${end === 0 ? '' : ' '}${at - end}ms `
      const from = column + end - start
      rows.forEach((row, i) => {
        const more = [...row.keys()].some((time) => time >= at)
        if (more) drawn[i] = (drawn[i] ?? '').padEnd(from, '-') + passing
      })
      column = from + passing.length
      start = at
    }
    rows.forEach((row, i) => {
      const cell = row.get(at)
      if (cell !== undefined) drawn[i] = (drawn[i] ?? '').padEnd(column + at - start, '-') + cell
    })
    end = Math.max(end, at + Math.max(...rows.map((row) => row.get(at)?.length ?? 0)))
  }
  return drawn
}

/** What stands for a record that has no name. */
const nameless = '?'

/** Records as marbles; one that no name stands for is a `?`. */
export const marblesOf = <K, V>(records: readonly KRecord<K, V | null>[], names: MarbleNames<K, V>): readonly Marble[] =>
  records.map((record) => ({ name: nameOf(record, names) ?? nameless, at: record.timestamp }))

const nameOf = <K, V>({ key, value }: KRecord<K, V | null>, names: MarbleNames<K, V>): string | undefined =>
  Object.entries(names).find(([, pair]) => isDeepStrictEqual([key, value], [...pair]))?.[0]

interface Readable {
  read(): readonly KRecord<unknown, unknown>[]
}

/** What the matcher says of an output. */
export const matchMarbles = (
  output: Readable,
  diagram: string,
  names: MarbleNames<unknown, unknown>,
): { readonly pass: boolean; message(): string } => {
  const records = output.read()
  const unknown = records.filter((record) => nameOf(record, names) === undefined)
  const [expected = '', actual = ''] = drawAligned([parseMarbles(diagram), marblesOf(records, names)])
  // A `?` that is expected does not match just any record.
  const pass = unknown.length === 0 && expected === actual
  const legend = unknown.map(({ key, value, timestamp }) => `\n${nameless} at ${timestamp}ms is ${inspect(key)}: ${inspect(value)}`)
  return {
    pass,
    message: () => (pass ? `expected anything but\n          ${actual}` : `expected  ${expected}\nactual    ${actual}${legend.join('')}`),
  }
}

/**
 * What `marbleMatchers` add to `expect` of jest and vitest. TypeScript learns of it from one declaration in a file of your tests.
 *
 * @example
 * declare global { namespace jest { interface Matchers<R> extends MarbleAssertions<R> {} } } // @types/jest
 * declare module 'expect' { interface Matchers<R> extends MarbleAssertions<R> {} } // @jest/globals
 * declare module 'vitest' { interface Matchers<T> extends MarbleAssertions<T> {} } // vitest, from 3.2 on
 * @since 0.1.0
 */
export interface MarbleAssertions<R> {
  /**
   * What has been written to an output since the last read, in order of event time, is what the diagram says. When they differ, both
   * are shown, what is at one time under each other, and what a `?` is, a record that no name stands for.
   */
  toMatchMarbles(diagram: string, names: MarbleNames<unknown, unknown>): R
}

/**
 * A matcher for jest and vitest; for its types see `MarbleAssertions`.
 *
 * @example
 * expect.extend(marbleMatchers)
 * expect(t.output(counts)).toMatchMarbles('--a 5s b', { a: ['ada', 1], b: ['ada', 2] })
 * @since 0.1.0
 */
export const marbleMatchers: {
  /** As `MarbleAssertions` has it: what a matcher gives to the runner. */
  readonly toMatchMarbles: (
    output: { read(): readonly KRecord<unknown, unknown>[] },
    diagram: string,
    names: MarbleNames<unknown, unknown>,
  ) => {
    readonly pass: boolean
    /** Both diagrams. */
    message(): string
  }
} = Object.freeze({ toMatchMarbles: matchMarbles })

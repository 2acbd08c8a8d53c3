import type { Case } from './case.js'

/** Where we differ on purpose: a line of the last table of the semantics, and the cases it touches, by their config and input. */
export interface Deviation {
  readonly rule: string
  readonly touches: (given: Case) => boolean
}

/** By rule, never by name: a case that no rule touches must agree. */
export const deviations: readonly Deviation[] = [
  {
    rule: 'null values are dropped by windowed aggregates too: theirs count them in time windows',
    touches: ({ config, input }) =>
      config.op === 'windowed-aggregate' &&
      config.window?.type === 'time' &&
      input.some(([, key, value]) => key !== null && value === null),
  },
  {
    rule: 'one predicate for accept, release and expire: their suppress lets a window with an inclusive end go when it may still change',
    touches: ({ config, input }) =>
      config.suppress?.until === 'window-closes' && config.window?.type !== 'time' && endsExactly(config.window, input),
  },
  {
    rule: 'an unmatched record is emitted only when window and grace have passed: theirs at once if it is out of order; and it leaves with the first record that makes it due',
    touches: (given) => given.config.op === 'kstream-kstream-join' && given.config.join !== 'inner' && isOutOfOrderWithinGrace(given),
  },
  {
    rule: 'a delete goes on exactly if there was a row: theirs sends tombstones for rows that never were',
    touches: (given) => given.config.op.startsWith('ktable-ktable') && deletesNothing(given),
  },
]

/** A row is deleted that is not there. */
const deletesNothing = ({ input }: Case): boolean => {
  const rows = new Set<string>()
  return input.some(([side, key, value]) => {
    const row = JSON.stringify([side, key])
    if (value !== null) rows.add(row)
    return value === null && !rows.delete(row)
  })
}

/** Some record is older than the newest before it, and window and grace of its side would still admit a match. */
const isOutOfOrderWithinGrace = ({ config, input }: Case): boolean => {
  let newest = -1
  return input.some(([, , , timestamp]) => {
    const isWithin = timestamp < newest && newest <= timestamp + Math.max(config.beforeMs ?? 0, config.afterMs ?? 0) + (config.graceMs ?? 0)
    newest = Math.max(newest, timestamp)
    return isWithin
  })
}

/** The stream time meets the very moment a window closes, at which it is still open. */
const endsExactly = (window: Case['config']['window'], input: Case['input']): boolean => {
  const times = input.map(([, , , timestamp]) => timestamp)
  const after = (window?.graceMs ?? 0) + (window?.gapMs ?? 0)
  const size = window?.timeDifferenceMs ?? 0
  const ends = times.flatMap((time) => [time, Math.max(time, size), time + 1 + size])
  return ends.some((end) => times.includes(end + after))
}

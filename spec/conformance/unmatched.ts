import type { Case, Result, Steps } from './case.js'
import type { Both } from './forgive.js'
import { canonical } from './run.js'
import { joined } from './words.js'

/** A record that may come out alone, and when it is due: with the first that moves the time past its window and grace. */
interface Alone {
  readonly isLeft: boolean
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
  readonly result: string
  readonly due: number
  readonly isOutOfOrder: boolean
}

/**
 * Without the unmatched ones, if ours are what the line says: each is there when it is due and not matched before, none is earlier in
 * theirs unless it was out of order, and theirs has no other but those that were.
 */
export const unmatched = (both: Both, given: Case): Both => {
  const alone = aloneOf(given)
  const isAlone = (result: Result): boolean => alone.some((one) => one.result === canonical(result))
  const stepsOf = (steps: Steps): readonly (readonly [result: string, step: number])[] =>
    steps.flatMap((results, step) => results.filter(isAlone).map((result) => [canonical(result), step] as const))
  const [theirs, ours] = [stepsOf(both.expected), stepsOf(both.actual)]
  const one = (result: string, holds: (one: Alone) => boolean): boolean => alone.some((each) => each.result === result && holds(each))
  const oursHold = ours.every(([result, step]) =>
    one(
      result,
      (each) =>
        each.due === step &&
        !isMatchedBefore(each, step, both.expected, given) &&
        (each.isOutOfOrder || theirs.every(([other, at]) => other !== result || at >= step)),
    ),
  )
  const theirsHold = theirs.every(([result]) => ours.some(([other]) => other === result) || one(result, ({ isOutOfOrder }) => isOutOfOrder))
  if (!oursHold || !theirsHold) return both
  const rest = (steps: Steps): Steps => steps.map((results) => results.filter((result) => !isAlone(result)))
  return { expected: rest(both.expected), actual: rest(both.actual) }
}

const aloneOf = ({ config, input }: Case): readonly Alone[] => {
  const { beforeMs = 0, afterMs = 0, graceMs = 0 } = config
  let newest = -1
  const times = input.map(([, key, value, timestamp]) => (newest = key === null || value === null ? newest : Math.max(newest, timestamp)))
  return input.flatMap(([side, key, value, timestamp], step): Alone[] => {
    if (key === null || value === null) return []
    const isBoth = config.selfJoin === true || config.op === 'kstream-self-join'
    const sides = isBoth ? [true, false] : [side === 'left']
    return sides
      .filter((isLeft) => isLeft || config.join === 'outer')
      .map((isLeft) => ({
        isLeft,
        key,
        value,
        timestamp,
        result: canonical([key, isLeft ? joined(config, value, null, key) : joined(config, null, value, key), timestamp]),
        due: times.findIndex((time, i) => i >= step && time > timestamp + (isLeft ? afterMs : beforeMs) + graceMs),
        isOutOfOrder: timestamp < (times[step - 1] ?? -1),
      }))
  })
}

/** Theirs has it in a pair before that step. */
const isMatchedBefore = (one: Alone, before: number, expected: Steps, { config, input }: Case): boolean => {
  const pairs = new Set(expected.slice(0, before).flatMap((results) => results.map(([key, value]) => canonical([key, value]))))
  return input.some(([side, key, value]) => {
    if (canonical(key) !== canonical(one.key) || value === null || (side === 'left') === one.isLeft) return false
    const pair = one.isLeft ? joined(config, one.value, value, key) : joined(config, value, one.value, key)
    return pairs.has(canonical([key, pair]))
  })
}

import type { Case, Config, Input, WindowConfig } from './case.js'
import {
  afterLast,
  distinct,
  sorted,
  withoutDeletes,
  withoutDeletesOfNothing,
  withoutJoinsOnNull,
  withoutKeysFrom,
  withoutLost,
  withoutNullsBeforeUpdates,
  type Both,
} from './forgive.js'
import { firstHeldAgain, lateByOthers, latePartly, meetsClosed, meetsItsEnd, nullForeignKeys, nullsSpelt } from './touched.js'
import { unmatched } from './unmatched.js'

/**
 * Where we differ on purpose: a line of the semantics, the cases it touches, by their config and input, and what has to hold all the
 * same. `asIf` gives the input for which ours do what theirs did; `forgive` takes out of both what the line excuses: the rest agrees.
 */
export interface Deviation {
  readonly rule: string
  readonly touches: (given: Case) => boolean
  readonly asIf?: (given: Case) => Case
  readonly forgive?: (both: Both, given: Case, name: string) => Both
}

/** By rule, never by name: a case that no rule touches must agree. */
export const deviations: readonly Deviation[] = [
  {
    rule: 'null values are dropped by windowed aggregates too: theirs count them in time and session windows',
    touches: ({ config, input }) => isWindowed(config, 'time', 'session') && input.some(isNullValue),
    asIf: (given) => ({
      ...given,
      input: given.input.map((record) => (isNullValue(record) ? [record[0], record[1], 'null', record[3]] : record)),
    }),
    // A first null is all that a reduce of theirs has, which no word stands for.
    forgive: (both, given) => (given.config.agg?.kind.startsWith('reduce') ? withoutKeysFrom(both, nullsSpelt(given)) : both),
  },
  {
    rule: 'one stream time per node: each input of a windowed cogroup of theirs has a time of its own',
    touches: (given) => given.config.op === 'cogroup' && given.config.window !== undefined && lateByOthers(given).size > 0,
    forgive: (both, given) => withoutKeysFrom(both, lateByOthers(given)),
  },
  {
    rule: 'a session whose bounds did not change emits no null before its update',
    touches: ({ config }) => isWindowed(config, 'session') && config.emit !== 'close',
    forgive: ({ expected, actual }) => ({ expected: expected.map(withoutNullsBeforeUpdates), actual }),
  },
  {
    rule: 'only distinct contents: theirs give a sliding window twice that ends with a record and starts just after another',
    touches: ({ config }) => isWindowed(config, 'sliding') && config.emit !== 'close',
    forgive: ({ expected, actual }) => ({ expected: expected.map(distinct), actual }),
  },
  {
    rule: 'final results are ordered by (end, start, key): suppress orders sessions by (end, key)',
    touches: ({ config }) => isWindowed(config, 'session') && config.suppress?.until === 'window-closes',
    forgive: (both, _given, name) =>
      name === 'expected' ? { expected: both.expected.map(sorted), actual: both.actual.map(sorted) } : both,
  },
  {
    rule: 'one predicate for accept, release and expire: their suppress lets a window with an inclusive end go when it may still change',
    touches: (given) =>
      isWindowed(given.config, 'sliding', 'session') && given.config.suppress?.until === 'window-closes' && meetsItsEnd(given).size > 0,
    forgive: (both, given, name) => {
      if (name !== 'expected') return both
      return given.config.window?.type === 'session'
        ? withoutKeysFrom(both, meetsItsEnd(given))
        : afterLast(both, given, meetsItsEnd(given))
    },
  },
  {
    rule: 'a window starts from the earlier records within its bounds: theirs from another window, which a record may have been late for',
    touches: (given) => isWindowed(given.config, 'sliding') && latePartly(given).size > 0,
    forgive: (both, given) => withoutKeysFrom(both, latePartly(given)),
  },
  {
    rule: 'one predicate for accept, release and expire: theirs forget a session when it closes, or merge a closed one and emit it again',
    touches: (given) => isWindowed(given.config, 'session') && meetsClosed(given).size > 0,
    forgive: (both, given) => withoutKeysFrom(both, meetsClosed(given)),
  },
  {
    rule: 'a jump of time never loses a final window: emit-on-close of theirs loses windows that expired in the same step',
    touches: ({ config }) => isWindowed(config, 'time', 'sliding', 'session') && config.emit === 'close',
    forgive: withoutLost,
  },
  {
    rule: 'an unmatched record is emitted only when window and grace have passed: theirs at once if it is out of order; and it leaves with the first record that makes it due',
    touches: ({ config }) =>
      ['kstream-kstream-join', 'kstream-self-join'].includes(config.op) &&
      ['left', 'outer'].includes(config.join ?? 'inner') &&
      !config.then,
    forgive: unmatched,
  },
  {
    rule: 'a left stream–global join on null: ignored in some versions',
    touches: ({ config }) => config.op === 'kstream-globalktable-join' && config.join === 'left',
    forgive: withoutJoinsOnNull,
  },
  {
    rule: 'foreign key from and to null: ignored, doubled or dropped in some versions',
    touches: (given) => given.config.op === 'ktable-ktable-fk-join' && nullForeignKeys(given).size > 0,
    forgive: (both, given) => withoutKeysFrom(both, nullForeignKeys(given)),
  },
  {
    rule: 'what follows a suppress sees only what was let out: theirs takes out values that were never let out',
    touches: (given) => given.config.suppressBefore !== undefined && firstHeldAgain(given) >= 0,
    forgive: ({ expected, actual }, given) => {
      const end = firstHeldAgain(given)
      return { expected: expected.slice(0, end), actual: actual.slice(0, end) }
    },
  },
  {
    rule: 'a delete goes on exactly if there was a row: one of theirs is missing where a chain joins the same table twice',
    touches: ({ config }) => config.op === 'ktable-ktable-join' && config.then !== undefined,
    forgive: ({ expected, actual }) => ({ expected: expected.map(withoutDeletes), actual: actual.map(withoutDeletes) }),
  },
  {
    rule: 'a delete goes on exactly if there was a row: theirs sends tombstones, or the same result again, for rows that never were',
    touches: ({ config }) => config.op.startsWith('ktable-'),
    forgive: ({ expected, actual }, given) => ({ expected: withoutDeletesOfNothing(expected, given), actual }),
  },
]

const isNullValue = ([, key, value]: Input): boolean => key !== null && value === null

const isWindowed = ({ op, window }: Config, ...types: readonly WindowConfig['type'][]): boolean =>
  ['windowed-aggregate', 'cogroup'].includes(op) && window !== undefined && types.includes(window.type)

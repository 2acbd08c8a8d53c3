import { inspect, isDeepStrictEqual } from 'node:util'
import { noHeaders } from '../core/headers.js'
import type { Meta } from '../core/record.js'
import { startOf } from '../table/aggregate.js'
import type { Aggregator, Mergeable, Reversible } from '../table/aggregator.js'

const meta: Meta<unknown> = { key: null, timestamp: 0, headers: noHeaders, topic: '', partition: 0, offset: 0 }

/**
 * The laws of an aggregator, checked on lists of values, for example those of fast-check: adding leaves what it is given as it is;
 * with `merge`, `empty` changes nothing on either side, merging is associative, and merging what two runs of values gave is what
 * both in turn give; with `remove`, taking out what was added gives what was there before, whichever value goes first.
 *
 * `equals`: default, deep equality, which tells 0 from -0; doubles may need a tolerance.
 *
 * **Throws** an Error with the law that is broken, the values that break it, and what came of either side.
 *
 * @example
 * fc.assert(fc.property(fc.array(order), (orders) => checkAggregator(spend, [orders])))
 * @since 0.1.0
 */
export const checkAggregator = <V, A>(
  aggregator: Aggregator<unknown, V, A>,
  values: Iterable<readonly V[]>,
  equals: (a: A, b: A) => boolean = isAlike,
): void => {
  const start = startOf(aggregator.empty)
  const of = (list: readonly V[]): A => list.reduce((acc, value) => aggregator.add(acc, value, meta), start())
  for (const list of values) {
    const check: Check<V, A> = {
      list,
      start,
      of,
      same: (law, left, right) => {
        if (!equals(left[1], right[1])) throw broken(law, list, left, right)
      },
    }
    checkAdd(aggregator, check)
    if (isMergeable(aggregator)) checkMerge(aggregator, check)
    if (isReversible(aggregator)) checkRemove(aggregator, check)
  }
}

/** What is compared, as the user would write it, and what came of it. */
type Side<A> = readonly [expression: string, result: A]

interface Check<V, A> {
  readonly list: readonly V[]
  readonly start: () => A
  /** What values give, added one after the other. */
  readonly of: (list: readonly V[]) => A
  readonly same: (law: string, left: Side<A>, right: Side<A>) => void
}

const checkAdd = <V, A>({ add }: Aggregator<unknown, V, A>, { list, start }: Check<V, A>): void => {
  let acc = start()
  list.forEach((value, i) => {
    // As text, since what has been changed in place equals itself.
    const before = text(acc)
    const next = add(acc, value, meta)
    if (text(acc) !== before)
      throw new Error(
        `the aggregator breaks a law: add leaves the result it is given as it is\n  for the values ${text(list)}\n  ${named(list.slice(0, i))} was ${before}\n  and after adding ${text(value)} to it, it is ${text(acc)}`,
      )
    acc = next
  })
}

const checkMerge = <V, A>({ merge }: Mergeable<unknown, V, A>, { list, start, of, same }: Check<V, A>): void => {
  const all = named(list)
  same('empty changes nothing on the left of merge', [`merge(empty, ${all})`, merge(start(), of(list))], [all, of(list)])
  same('empty changes nothing on the right of merge', [`merge(${all}, empty)`, merge(of(list), start())], [all, of(list)])
  for (let i = 1; i < list.length - 1; i++) {
    const [a, b, c] = [list.slice(0, i), list.slice(i, i + 1), list.slice(i + 1)]
    same(
      'merge is associative',
      [`merge(merge(${named(a)}, ${named(b)}), ${named(c)})`, merge(merge(of(a), of(b)), of(c))],
      [`merge(${named(a)}, merge(${named(b)}, ${named(c)}))`, merge(of(a), merge(of(b), of(c)))],
    )
  }
  for (let i = 1; i < list.length; i++) {
    const [a, b] = [list.slice(0, i), list.slice(i)]
    same(
      'merging the results of two runs of values is what both in turn give',
      [`merge(${named(a)}, ${named(b)})`, merge(of(a), of(b))],
      [all, of(list)],
    )
  }
}

const checkRemove = <V, A>({ remove }: Reversible<unknown, V, A>, { list, of, same }: Check<V, A>): void => {
  for (let i = list.length - 1; i >= 0; i--) {
    const rest = list.toSpliced(i, 1)
    same(
      i === list.length - 1 ? 'remove takes out what was added last' : 'remove takes out any value, in whatever order they were added',
      // The index is within the list.
      [`remove(${named(list)}, ${text(list[i])})`, remove(of(list), list[i] as V, meta)],
      [named(rest), of(rest)],
    )
  }
}

const broken = <V, A>(law: string, list: readonly V[], left: Side<A>, right: Side<A>): Error => {
  const width = Math.max(left[0].length, right[0].length)
  const line = ([expression, result]: Side<A>): string => `  ${expression.padEnd(width)}  is ${text(result)}`
  return new Error(`the aggregator breaks a law: ${law}\n  for the values ${text(list)}\n${line(left)}\n${line(right)}`)
}

const text = (value: unknown): string => inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null, breakLength: Infinity })

// Runners such as jest give each spec its own Array and Map: a copy of `empty` is then of another class than what `add` makes.
const isAlike = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b) || text(a) === text(b)

/** Values as the result of adding them to `empty`. */
const named = (list: readonly unknown[]): string => (list.length === 0 ? 'empty' : `of(${list.map(text).join(', ')})`)

const isMergeable = <V, A>(aggregator: Aggregator<unknown, V, A>): aggregator is Mergeable<unknown, V, A> => 'merge' in aggregator
const isReversible = <V, A>(aggregator: Aggregator<unknown, V, A>): aggregator is Reversible<unknown, V, A> => 'remove' in aggregator

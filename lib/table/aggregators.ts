import type { Group } from 'fp-ts/lib/Group.js'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { isSome, none, some, type Option } from 'fp-ts/lib/Option.js'
import { MillraceError } from '../core/errors.js'
import type { AggregatorParts, InputOf, Mean, Mergeable, ResultOf, Reversible, ReversibleIfAll } from './aggregator.js'
import { structOf } from './struct.js'

type Both<V, A> = Mergeable<unknown, V, A> & Reversible<unknown, V, A>

const count: Both<unknown, number> = Object.freeze({
  empty: 0,
  add: (acc: number) => acc + 1,
  remove: (acc: number) => acc - 1,
  merge: (a: number, b: number) => a + b,
})

const sum = <V>(f: (value: V) => number): Both<V, number> =>
  Object.freeze({
    empty: 0,
    add: (acc: number, value: V) => acc + f(value),
    remove: (acc: number, value: V) => acc - f(value),
    merge: (a: number, b: number) => a + b,
  })

// A sum of nothing is 0 whatever rounding has left of it, and a mean of nothing is one that JSON can write.
const noMean: Mean = Object.freeze({ sum: 0, count: 0, mean: 0 })
const meanOf = (total: number, n: number): Mean => (n === 0 ? noMean : { sum: total, count: n, mean: total / n })
const mean = <V>(f: (value: V) => number): Both<V, Mean> =>
  Object.freeze({
    empty: noMean,
    add: (acc: Mean, value: V) => meanOf(acc.sum + f(value), acc.count + 1),
    remove: (acc: Mean, value: V) => meanOf(acc.sum - f(value), acc.count - 1),
    merge: (a: Mean, b: Mean) => meanOf(a.sum + b.sum, a.count + b.count),
  })

const min = <V>(f: (value: V) => number): Mergeable<unknown, V, number> =>
  Object.freeze({ empty: Infinity, add: (acc: number, value: V) => Math.min(acc, f(value)), merge: Math.min })
const max = <V>(f: (value: V) => number): Mergeable<unknown, V, number> =>
  Object.freeze({ empty: -Infinity, add: (acc: number, value: V) => Math.max(acc, f(value)), merge: Math.max })

const first = <V>(): Mergeable<unknown, V, Option<V>> =>
  Object.freeze({
    empty: none,
    add: (acc: Option<V>, value: V) => (isSome(acc) ? acc : some(value)),
    merge: (a: Option<V>, b: Option<V>) => (isSome(a) ? a : b),
  })
const latest = <V>(): Mergeable<unknown, V, Option<V>> =>
  Object.freeze({
    empty: none,
    add: (_: Option<V>, value: V) => some(value),
    merge: (a: Option<V>, b: Option<V>) => (isSome(b) ? b : a),
  })

const topN = <V>(n: number, by: (value: V) => number): Mergeable<unknown, V, readonly V[]> => {
  assertSize(n, 'n of agg.topN')
  // NaN compares with nothing, so it would be a wall in the order: it goes last.
  const rank = (value: V): number => {
    const score = by(value)
    return Number.isNaN(score) ? -Infinity : score
  }
  const insert = (acc: readonly V[], value: V): readonly V[] => {
    const score = rank(value)
    let low = 0
    for (let high = acc.length; low < high;) {
      const middle = (low + high) >>> 1
      // The bounds above are within the array.
      if (rank(acc[middle] as V) >= score) low = middle + 1
      else high = middle
    }
    return low >= n ? acc : acc.toSpliced(low, 0, value).slice(0, n)
  }
  return Object.freeze({ empty: Object.freeze([]), add: insert, merge: (a: readonly V[], b: readonly V[]) => b.reduce(insert, a) })
}

const collect = <V>(limit: number): Mergeable<unknown, V, readonly V[]> => {
  assertSize(limit, 'the limit of agg.collect')
  return Object.freeze({
    empty: Object.freeze([]),
    add: (acc: readonly V[], value: V) => [...acc.slice(Math.max(0, acc.length + 1 - limit)), value],
    merge: (a: readonly V[], b: readonly V[]) => [...a, ...b].slice(-limit),
  })
}

const assertSize = (size: number, what: string): void => {
  if (!Number.isInteger(size) || size < 1) throw new MillraceError('MR_CONFIG', `${what} is ${size}, which is not a whole number above 0`)
}

const monoid = <V, A>(m: Monoid<A>, f: (value: V) => A): Mergeable<unknown, V, A> =>
  Object.freeze({ empty: m.empty, add: (acc: A, value: V) => m.concat(acc, f(value)), merge: (a: A, b: A) => m.concat(a, b) })
const group = <V, A>(g: Group<A>, f: (value: V) => A): Both<V, A> =>
  Object.freeze({ ...monoid(g, f), remove: (acc: A, value: V) => g.concat(acc, g.inverse(f(value))) })

/**
 * Ready-made aggregators, for `aggregate`. Those that are `Mergeable` fit session windows, those that are `Reversible`
 * also tables that are grouped by another key.
 *
 * | aggregator | result | of no values | reversible |
 * |---|---|---|---|
 * | `count` | how many | 0 | yes |
 * | `sum(f)` | of `f(value)` | 0 | yes |
 * | `mean(f)` | `Mean`: sum, count and mean of `f(value)` | a mean of 0 | yes |
 * | `min(f)`, `max(f)` | of `f(value)` | Infinity, -Infinity | |
 * | `first()`, `latest()` | the value that arrived first, last | none | |
 * | `topN(n, by)` | the `n` values of largest `by`, largest first | [] | |
 * | `collect(limit)` | the newest `limit` values, in order of arrival | [] | |
 * | `monoid(m, f)` | `m.concat` of all `f(value)` | `m.empty` | |
 * | `group(g, f)` | the same | `g.empty` | yes |
 * | `struct(parts)` | an object with the result of each part | of each part | if all parts are |
 *
 * A result of no values is never stored: a key starts with its first value. Only what can be taken out again falls back
 * to it, and all of those can be written as JSON; the infinities, which cannot, are not among them.
 *
 * Sums are those of doubles: exact for integers up to 2^53; fractions taken out again may leave a trace of rounding.
 *
 * @example
 * orders.groupByKey().aggregate(agg.struct({ orders: agg.count, spend: agg.sum((o: Order) => o.amount) }), { name: 'spend' })
 * @since 0.1.0
 */
export const agg: {
  readonly count: Mergeable<unknown, unknown, number> & Reversible<unknown, unknown, number>
  /** The sum of what `f` gives. */
  sum<V>(f: (value: V) => number): Mergeable<unknown, V, number> & Reversible<unknown, V, number>
  /** Kept as sum and count, so that it stays exact when values are taken out. */
  mean<V>(f: (value: V) => number): Mergeable<unknown, V, Mean> & Reversible<unknown, V, Mean>
  /** The smallest. */
  min<V>(f: (value: V) => number): Mergeable<unknown, V, number>
  /** The largest. */
  max<V>(f: (value: V) => number): Mergeable<unknown, V, number>
  /** The first value that came. */
  first<V>(): Mergeable<unknown, V, Option<V>>
  /** The last value that came. */
  latest<V>(): Mergeable<unknown, V, Option<V>>
  /** Largest first; of equals the earlier, NaN last. `MR_CONFIG` unless `n` is a whole number above 0. */
  topN<V>(n: number, by: (value: V) => number): Mergeable<unknown, V, readonly V[]>
  /** The newest `limit` values, in order of arrival. `MR_CONFIG` unless `limit` is a whole number above 0. */
  collect<V>(limit: number): Mergeable<unknown, V, readonly V[]>
  /** **Source** `Monoid` of fp-ts. */
  monoid<V, A>(m: Monoid<A>, f: (value: V) => A): Mergeable<unknown, V, A>
  /** The group must be commutative: values are taken out in another order than they came. **Source** `Group` of fp-ts. */
  group<V, A>(g: Group<A>, f: (value: V) => A): Mergeable<unknown, V, A> & Reversible<unknown, V, A>
  /** Several at once, in one store. Reversible when all its parts are. */
  struct<
    V,
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- variance position: a part's key and result may be anything
    S extends Readonly<Record<string, Mergeable<any, V, any>>>,
  >(
    parts: S,
  ): Mergeable<unknown, V, ResultOf<S>> & ReversibleIfAll<S, V>
  /** The same, where the parts say themselves what they take. */
  struct<S extends AggregatorParts>(parts: S): Mergeable<unknown, InputOf<S>, ResultOf<S>> & ReversibleIfAll<S, InputOf<S>>
} = Object.freeze({
  count,
  sum,
  mean,
  min,
  max,
  first,
  latest,
  topN,
  collect,
  monoid,
  group,
  // Input, result and reversibility are worked out by the types above from those of the parts.
  struct: structOf as never,
})

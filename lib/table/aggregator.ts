import type { Meta } from '../core/record.js'

/**
 * How the values of a key become one result. Kept per key in a store, so `A` must be something its codec can write.
 *
 * `add` is pure: it gives a new result and leaves `acc` as it is, which may be what the store holds. `empty` is where a
 * key starts; unless it is frozen, each key starts from a copy of its own (arrays, maps and plain objects; an instance of
 * a class is shared).
 *
 * @example
 * const longest: Aggregator<string, Order, number> = { empty: 0, add: (acc, order) => Math.max(acc, order.items.length) }
 * @since 0.1.0
 */
export interface Aggregator<in K, in V, A> {
  readonly empty: A
  /** The result with one value more. Gives a new one, or `acc` itself when nothing changes; never changes `acc` in place. */
  readonly add: (acc: A, value: V, meta: Meta<K>) => A
}

/**
 * Two results can be joined: session windows need it. A Monoid is one.
 *
 * Laws: `merge` is associative, `empty` changes nothing, and merging what two runs of values gave is what both in turn give.
 * @since 0.1.0
 */
export interface Mergeable<in K, in V, A> extends Aggregator<K, V, A> {
  /** `a` is of the earlier values. */
  readonly merge: (a: A, b: A) => A
}

/**
 * A value can be taken out again: tables regrouped by another key need it. A Group is one.
 *
 * Laws: taking out what was added gives what was there before, in whatever order the values were added.
 * @since 0.1.0
 */
export interface Reversible<in K, in V, A> extends Aggregator<K, V, A> {
  /** The result without a value that was added before. */
  readonly remove: (acc: A, value: V, meta: Meta<K>) => A
}

/**
 * What `agg.mean` gives. Sum and count are there so that means can be joined and taken apart; a mean of nothing is 0.
 * @since 0.1.0
 */
export interface Mean {
  readonly sum: number
  readonly count: number
  readonly mean: number
}

/* eslint-disable @typescript-eslint/no-explicit-any -- variance positions: an aggregator of anything */
/** What `agg.struct` takes. */
export type AggregatorParts = Readonly<Record<string, Mergeable<any, any, any>>>
/** What all the parts accept. */
export type InputOf<S extends AggregatorParts> = {
  [N in keyof S]: (value: S[N] extends Aggregator<any, infer V, any> ? V : never) => void
}[keyof S] extends (value: infer I) => void
  ? I
  : never
export type ResultOf<S extends AggregatorParts> = { readonly [N in keyof S]: S[N] extends Aggregator<any, any, infer A> ? A : never }
export type ReversibleIfAll<S extends AggregatorParts, V> =
  S extends Readonly<Record<string, Reversible<any, any, any>>> ? Reversible<unknown, V, ResultOf<S>> : unknown
/* eslint-enable @typescript-eslint/no-explicit-any */

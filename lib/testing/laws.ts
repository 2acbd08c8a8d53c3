import { inspect, isDeepStrictEqual } from 'node:util'
import { noHeaders } from '../core/headers.js'
import type { Meta } from '../core/record.js'
import { startOf } from '../table/aggregate.js'
import type { Aggregator, Mergeable, Reversible } from '../table/aggregator.js'

const meta: Meta<unknown> = { key: null, timestamp: 0, headers: noHeaders, topic: '', partition: 0, offset: 0 }

/**
 * The laws of an aggregator, checked on lists of values, for example those of fast-check: adding leaves what it is given as it is;
 * with `merge`, merging what two runs of values gave is what both in turn give, and `empty` changes nothing; with `remove`, taking
 * out what was added gives what was there before, whichever value goes first.
 *
 * **Throws** an Error with the law and the values that break it. `equals`: default, deep equality; doubles may need a tolerance.
 *
 * @example
 * fc.assert(fc.property(fc.array(order), (orders) => checkAggregator(spend, [orders])))
 * @since 0.1.0
 */
export const checkAggregator = <V, A>(
  aggregator: Aggregator<unknown, V, A>,
  values: Iterable<readonly V[]>,
  equals: (a: A, b: A) => boolean = isDeepStrictEqual,
): void => {
  const start = startOf(aggregator.empty)
  const fold = (list: readonly V[]): A => list.reduce((acc, value) => aggregator.add(acc, value, meta), start())
  const must = (law: string, list: readonly V[], a: A, b: A): void => {
    if (!equals(a, b)) throw new Error(`${law}: ${inspect(a)} is not ${inspect(b)}, for the values ${inspect(list)}`)
  }
  for (const list of values) {
    const acc = fold(list.slice(0, -1))
    const before = text(acc)
    for (const value of list.slice(-1)) aggregator.add(acc, value, meta)
    if (text(acc) !== before)
      throw new Error(`add leaves its accumulator as it is: ${before} has become ${text(acc)}, for the values ${text(list)}`)
    if (isMergeable(aggregator)) checkMerge(aggregator, list, fold, must)
    if (isReversible(aggregator)) checkRemove(aggregator, list, fold, must)
  }
}

const text = (value: unknown): string => inspect(value, { depth: null, maxArrayLength: null })

type Must<V, A> = (law: string, list: readonly V[], a: A, b: A) => void

const checkMerge = <V, A>(
  { merge, empty }: Mergeable<unknown, V, A>,
  list: readonly V[],
  fold: (list: readonly V[]) => A,
  must: Must<V, A>,
): void => {
  const all = fold(list)
  must('empty changes nothing on the left', list, merge(empty, all), all)
  must('empty changes nothing on the right', list, merge(all, empty), all)
  for (let i = 0; i <= list.length; i++) {
    const [head, tail] = [list.slice(0, i), list.slice(i)]
    must('merge is what both in turn give', list, merge(fold(head), fold(tail)), all)
    const [a, b, c] = [fold(head), fold(tail.slice(0, 1)), fold(tail.slice(1))]
    must('merge is associative', list, merge(merge(a, b), c), merge(a, merge(b, c)))
  }
}

const checkRemove = <V, A>(
  { remove }: Reversible<unknown, V, A>,
  list: readonly V[],
  fold: (list: readonly V[]) => A,
  must: Must<V, A>,
): void => {
  const all = fold(list)
  list.forEach((value, i) => must('remove takes out what was added', list, remove(all, value, meta), fold(list.toSpliced(i, 1))))
}

const isMergeable = <V, A>(aggregator: Aggregator<unknown, V, A>): aggregator is Mergeable<unknown, V, A> => 'merge' in aggregator
const isReversible = <V, A>(aggregator: Aggregator<unknown, V, A>): aggregator is Reversible<unknown, V, A> => 'remove' in aggregator

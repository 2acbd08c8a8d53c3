import type { AnyRec } from '../../topology/operator.js'
import { settled } from '../../operators/per-record.js'
import { startOf } from '../aggregate.js'
import type { Aggregator } from '../aggregator.js'
import { isAbsent } from '../row.js'

/** How the values of a window become one result; undefined: it has none yet. */
export interface Fold<A> {
  readonly label: string
  /** What is not folded at all. Must not decode what need not be decoded. */
  readonly isEmpty: (record: AnyRec) => boolean
  readonly add: (result: A | undefined, record: AnyRec) => A
  /** Of sessions that become one, in order of their first records. */
  readonly merge: ((results: readonly A[]) => A | undefined) | null
}

const isNullValue = (record: AnyRec): boolean => isAbsent(record.value)

export const countFold = (): Fold<number> => ({
  label: 'count',
  isEmpty: (record) => record.isNull,
  add: (result) => (result ?? 0) + 1,
  merge: (results) => results.reduce((sum, n) => sum + n, 0),
})

export const reduceFold = <V>(f: (a: V, b: V) => V): Fold<V> => ({
  label: 'reduce',
  isEmpty: isNullValue,
  add: (result, { value }) => (result === undefined ? value : settled(f(result, value), 'reduce')),
  merge: (results) => (results.length === 0 ? undefined : results.reduce((a, b) => settled(f(a, b), 'reduce'))),
})

export const aggregateFold = <K, V, A>(by: Aggregator<K, V, A>, merge: ((a: A, b: A) => A) | null, label = 'aggregate'): Fold<A> => {
  const start = startOf(by.empty)
  return {
    label,
    isEmpty: isNullValue,
    add: (result, record) => settled(by.add(result === undefined ? start() : result, record.value, record), label),
    merge: merge && ((results) => results.reduce((a, b) => settled(merge(a, b), label), start())),
  }
}

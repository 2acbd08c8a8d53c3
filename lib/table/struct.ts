import type { Meta } from '../core/record.js'
import type { AggregatorParts, Mergeable, Reversible } from './aggregator.js'

type Results = Readonly<Record<string, unknown>>
type Struct = Mergeable<unknown, unknown, Results>

/** Several aggregators as one, whose result has a property for each. The types are those of `agg.struct`. */
export const structOf = (parts: AggregatorParts): Struct | (Struct & Reversible<unknown, unknown, Results>) => {
  const named = Object.entries(parts).map(([name, part]) => ({ name, part }))
  const struct: Struct = {
    empty: Object.freeze(Object.fromEntries(named.map(({ name, part }): [string, unknown] => [name, part.empty]))),
    add: (acc, value, meta) => {
      const results: Record<string, unknown> = {}
      for (const { name, part } of named) results[name] = part.add(acc[name], value, meta)
      return results
    },
    merge: (a, b) => {
      const results: Record<string, unknown> = {}
      for (const { name, part } of named) results[name] = part.merge(a[name], b[name])
      return results
    },
  }
  const remove = removerOf(parts)
  return Object.freeze(remove ? { ...struct, remove } : struct)
}

/** None unless all parts have one. */
const removerOf = (parts: AggregatorParts): Reversible<unknown, unknown, Results>['remove'] | null => {
  const named = Object.entries(parts).flatMap(([name, part]) => (isReversible(part) ? [{ name, remove: part.remove }] : []))
  if (named.length < Object.keys(parts).length) return null
  return (acc: Results, value: unknown, meta: Meta<unknown>) => {
    const results: Record<string, unknown> = {}
    for (const { name, remove } of named) results[name] = remove(acc[name], value, meta)
    return results
  }
}

const isReversible = (part: object): part is Reversible<unknown, unknown, unknown> => 'remove' in part && typeof part.remove === 'function'

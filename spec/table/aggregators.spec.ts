import fc from 'fast-check'
import * as N from 'fp-ts/lib/number.js'
import { none, some } from 'fp-ts/lib/Option.js'
import * as S from 'fp-ts/lib/string.js'
import type { Aggregator, Mergeable, Reversible } from '../../lib/table/aggregator.js'
import { agg } from '../../lib/table/aggregators.js'
import { metaOf } from '../support/fake-task.js'

const id = (value: number): number => value
const fold = <V, A>(by: Aggregator<unknown, V, A>, values: readonly V[]): A =>
  values.reduce((acc, value) => by.add(acc, value, metaOf('k')), by.empty)

// Small, so that equals are common.
const values = fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 8 })

const parts = { orders: agg.count, spend: agg.sum(id), mean: agg.mean(id) }
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- variance position: results of any type, each law compares only its own
type Result = any
const reversible: [string, Mergeable<unknown, number, Result> & Reversible<unknown, number, Result>][] = [
  ['count', agg.count],
  ['sum', agg.sum(id)],
  ['mean', agg.mean(id)],
  ['group', agg.group({ ...N.MonoidSum, inverse: (n) => -n || 0 }, id)],
  ['struct of reversible parts', agg.struct(parts)],
]
const mergeable: [string, Mergeable<unknown, number, Result>][] = [
  ...reversible,
  ['min', agg.min(id)],
  ['max', agg.max(id)],
  ['first', agg.first<number>()],
  ['latest', agg.latest<number>()],
  ['topN', agg.topN(3, (value: number) => Math.abs(value))],
  ['collect', agg.collect<number>(3)],
  ['collect of one', agg.collect<number>(1)],
  ['monoid', agg.monoid(S.Monoid, (value: number) => String(value))],
  ['struct', agg.struct({ ...parts, top: agg.max(id), seen: agg.collect<number>(2) })],
]

describe.each(mergeable)('agg.%s', (_, by) => {
  it('merges what two runs of values gave into what both in turn give', () => {
    fc.assert(fc.property(values, values, (a, b) => expect(by.merge(fold(by, a), fold(by, b))).toEqual(fold(by, [...a, ...b]))))
  })
  it('merges in whatever grouping', () => {
    fc.assert(
      fc.property(values, values, values, (x, y, z) => {
        const [a, b, c] = [fold(by, x), fold(by, y), fold(by, z)]
        expect(by.merge(by.merge(a, b), c)).toEqual(by.merge(a, by.merge(b, c)))
      }),
    )
  })
  it('does not change by merging with empty', () => {
    fc.assert(
      fc.property(values, (x) => {
        const a = fold(by, x)
        expect(by.merge(by.empty, a)).toEqual(a)
        expect(by.merge(a, by.empty)).toEqual(a)
      }),
    )
  })
  it('leaves the result it adds to as it was', () => {
    fc.assert(
      fc.property(values, fc.integer(), (x, value) => {
        const acc = fold(by, x)
        by.add(acc, value, metaOf('k'))
        expect(acc).toEqual(fold(by, x))
      }),
    )
  })
})

describe.each(reversible)('agg.%s', (_, by) => {
  it('takes out what was added, in any order', () => {
    fc.assert(
      fc.property(values, values, (kept, taken) => {
        const all = fold(by, [...taken, ...kept])
        expect(taken.reduceRight((acc, value) => by.remove(acc, value, metaOf('k')), all)).toEqual(fold(by, kept))
      }),
    )
  })
})

describe('agg.mean', () => {
  it('gives sum and count beside the mean', () => {
    expect(fold(agg.mean(id), [1, 2, 6])).toEqual({ sum: 9, count: 3, mean: 3 })
  })
  it('of nothing left is 0, whatever rounding did meanwhile', () => {
    const by = agg.mean(id)
    const all = fold(by, [0.1, 0.2])
    expect([0.1, 0.2].reduce((acc, value) => by.remove(acc, value, metaOf('k')), all)).toEqual({ sum: 0, count: 0, mean: 0 })
  })
})

describe('agg.first and agg.latest', () => {
  it('go by arrival', () => {
    expect(fold(agg.first<string>(), ['a', 'b', 'c'])).toEqual(some('a'))
    expect(fold(agg.latest<string>(), ['a', 'b', 'c'])).toEqual(some('c'))
    expect(agg.first().empty).toEqual(none)
  })
})

describe('agg.topN', () => {
  const by = agg.topN(3, (value: readonly [string, number]) => value[1])
  it('is largest first, of equals the earlier first', () => {
    const top = fold(by, [['a', 1], ['b', 3], ['c', 3], ['d', 2], ['e', 3], ['f', 3]]) // prettier-ignore
    expect(top).toEqual([['b', 3], ['c', 3], ['e', 3]]) // prettier-ignore
  })
  it('puts NaN last, so that it does not wall off the rest', () => {
    expect(fold(by, [['nan', NaN], ['a', 1], ['b', 2]])).toEqual([['b', 2], ['a', 1], ['nan', NaN]]) // prettier-ignore
  })
  it.each([0, -1, 1.5, NaN])('refuses an n of %p', (n) => {
    expect(() => agg.topN(n, id)).toThrow(/^MR_CONFIG: n of agg.topN is /)
  })
})

describe('agg.collect', () => {
  it('keeps the newest, in order of arrival', () => {
    expect(fold(agg.collect<number>(3), [1, 2, 3, 4, 5])).toEqual([3, 4, 5])
  })
  it('shrinks a result that was collected with a larger limit', () => {
    expect(agg.collect<number>(2).add([1, 2, 3, 4], 5, metaOf('k'))).toEqual([4, 5])
  })
})

describe('agg.struct', () => {
  it('has a property for each part', () => {
    const by = agg.struct({ orders: agg.count, spend: agg.sum(id), top: agg.max(id) })
    expect(fold(by, [5, 7, 6])).toEqual({ orders: 3, spend: 18, top: 7 })
  })
  it('can take out values only when all its parts can', () => {
    expect(agg.struct({ orders: agg.count })).toHaveProperty('remove')
    expect(agg.struct({ orders: agg.count, top: agg.max(id) })).not.toHaveProperty('remove')
  })
})

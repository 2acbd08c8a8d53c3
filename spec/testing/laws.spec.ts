import fc from 'fast-check'
import type { Group } from 'fp-ts/lib/Group.js'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { agg, type Aggregator } from '../../lib/index.js'
import { checkAggregator } from '../../lib/testing/index.js'

const lists = fc.array(fc.integer({ min: -100, max: 100 }), { maxLength: 6 })
const self = (n: number): number => n
const xor: Group<number> = { empty: 0, concat: (a, b) => a ^ b, inverse: (a) => a }
const text: Monoid<string> = { empty: '', concat: (a, b) => a + b }

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- variance position: results of any kind
const kept: Record<string, Aggregator<unknown, number, any>> = {
  count: agg.count,
  sum: agg.sum(self),
  mean: agg.mean(self),
  min: agg.min(self),
  max: agg.max(self),
  first: agg.first<number>(),
  latest: agg.latest<number>(),
  topN: agg.topN(2, (n: number) => n % 10),
  collect: agg.collect<number>(3),
  monoid: agg.monoid(text, String),
  group: agg.group(xor, self),
  'struct of what can be taken out': agg.struct({ n: agg.count, total: agg.sum(self) }),
  'struct of what cannot': agg.struct({ n: agg.count, top: agg.topN(2, self) }),
}

const sum = { empty: 0, add: (acc: number, n: number) => acc + n }

/** What `checkAggregator` says of the smallest counter-example that fast-check comes to, whichever it is. */
const lawBroken = <A>(aggregator: Aggregator<unknown, number, A>): string => {
  const result = fc.check(fc.property(lists, (list) => checkAggregator(aggregator, [list])))
  return /breaks a law: (.*)/.exec(String(result.errorInstance))?.[1] ?? 'none'
}

describe('checkAggregator', () => {
  it.each(Object.entries(kept))('finds nothing wrong with agg.%s', (_, aggregator) => {
    fc.assert(fc.property(lists, (list) => checkAggregator(aggregator, [list])))
  })

  it('finds nothing wrong with results that start as a copy of an array or a map', () => {
    const all = { empty: [] as number[], add: (acc: number[], n: number) => [...acc, n], merge: (a: number[], b: number[]) => [...a, ...b] }
    const times = {
      empty: new Map<number, number>(),
      add: (acc: Map<number, number>, n: number) => new Map(acc).set(n, (acc.get(n) ?? 0) + 1),
      remove: (acc: Map<number, number>, n: number) =>
        new Map([...acc].flatMap(([m, count]) => (m !== n ? [[m, count]] : count > 1 ? [[m, count - 1]] : []))),
    }

    fc.assert(fc.property(lists, (list) => checkAggregator(all, [list])))
    fc.assert(fc.property(lists, (list) => checkAggregator(times, [list])))
  })

  it('finds an empty that changes what stands on its right', () => {
    const left = { ...sum, merge: (a: number, b: number) => (a === 0 ? 0 : a + b) }

    expect(lawBroken(left)).toBe('empty changes nothing on the left of merge')
    expect(() => checkAggregator(left, [[1, 2]])).toThrow(
      new Error(
        [
          'the aggregator breaks a law: empty changes nothing on the left of merge',
          '  for the values [ 1, 2 ]',
          '  merge(empty, of(1, 2))  is 0',
          '  of(1, 2)                is 3',
        ].join('\n'),
      ),
    )
  })

  it('finds an empty that changes what stands on its left', () => {
    const right = { ...sum, merge: (a: number, b: number) => (b === 0 ? 0 : a + b) }

    expect(lawBroken(right)).toBe('empty changes nothing on the right of merge')
    expect(() => checkAggregator(right, [[1, 2]])).toThrow(
      new Error(
        [
          'the aggregator breaks a law: empty changes nothing on the right of merge',
          '  for the values [ 1, 2 ]',
          '  merge(of(1, 2), empty)  is 0',
          '  of(1, 2)                is 3',
        ].join('\n'),
      ),
    )
  })

  it('finds a merge that depends on which two are merged first', () => {
    const apart = { ...sum, merge: (a: number, b: number) => (a === 0 ? b : b === 0 ? a : a - b) }

    expect(() => checkAggregator(apart, [[1, 2, 3]])).toThrow(
      new Error(
        [
          'the aggregator breaks a law: merge is associative',
          '  for the values [ 1, 2, 3 ]',
          '  merge(merge(of(1), of(2)), of(3))  is -4',
          '  merge(of(1), merge(of(2), of(3)))  is 2',
        ].join('\n'),
      ),
    )
  })

  it('finds a merge that is no sum of what was added, though it is associative', () => {
    const largest = { empty: -Infinity, add: (acc: number, n: number) => Math.max(acc, n), merge: Math.max }
    const newest = { ...largest, merge: (a: number, b: number) => (b === -Infinity ? a : b) }

    expect(lawBroken(newest)).toBe('merging the results of two runs of values is what both in turn give')
    expect(() => checkAggregator(newest, [[2, 1]])).toThrow(
      new Error(
        [
          'the aggregator breaks a law: merging the results of two runs of values is what both in turn give',
          '  for the values [ 2, 1 ]',
          '  merge(of(2), of(1))  is 1',
          '  of(2, 1)             is 2',
        ].join('\n'),
      ),
    )
  })

  it('finds a remove that does not undo the last add', () => {
    const one = { ...sum, remove: (acc: number) => acc - 1 }

    expect(lawBroken(one)).toBe('remove takes out what was added last')
    expect(() => checkAggregator(one, [[5, 7]])).toThrow(
      new Error(
        [
          'the aggregator breaks a law: remove takes out what was added last',
          '  for the values [ 5, 7 ]',
          '  remove(of(5, 7), 7)  is 11',
          '  of(5)                is 5',
        ].join('\n'),
      ),
    )
  })

  it('finds a remove that works in one order only', () => {
    const stack = { empty: [] as number[], add: (acc: number[], n: number) => [...acc, n], remove: (acc: number[]) => acc.slice(0, -1) }

    expect(lawBroken(stack)).toBe('remove takes out any value, in whatever order they were added')
    expect(() => checkAggregator(stack, [[5, 7]])).toThrow(
      new Error(
        [
          'the aggregator breaks a law: remove takes out any value, in whatever order they were added',
          '  for the values [ 5, 7 ]',
          '  remove(of(5, 7), 5)  is [ 5 ]',
          '  of(7)                is [ 7 ]',
        ].join('\n'),
      ),
    )
  })

  it('finds an add that changes the result it is given', () => {
    const inPlace = { empty: [] as number[], add: (acc: number[], n: number) => (acc.push(n), acc) }

    expect(() => checkAggregator(inPlace, [[5, 7]])).toThrow(
      new Error(
        [
          'the aggregator breaks a law: add leaves the result it is given as it is',
          '  for the values [ 5, 7 ]',
          '  empty was []',
          '  and after adding 5 to it, it is [ 5 ]',
        ].join('\n'),
      ),
    )
  })

  it('compares by the equality it is given', () => {
    const thirds = [[0.1, 0.2, 0.3]]
    const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9

    expect(() => checkAggregator(agg.sum(self), thirds)).toThrow(/breaks a law/)
    expect(() => checkAggregator(agg.sum(self), thirds, near)).not.toThrow()
  })
})

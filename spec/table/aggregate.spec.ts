import type { Aggregator } from '../../lib/table/aggregator.js'
import { agg } from '../../lib/table/aggregators.js'
import { aggregate, count, reduce } from '../../lib/table/aggregate.js'
import type { StoreSpec } from '../../lib/topology/operator.js'
import { codec } from '../../lib/core/codec.js'
import { fakeTask, opened, storeSpec } from '../support/fake-task.js'

const append: Aggregator<string, string, string> = { empty: '', add: (acc, value) => acc + value }

describe('aggregate', () => {
  it('starts from empty, adds to the result of the key, and gives both sides of each change', () => {
    const send = opened(fakeTask(), aggregate(append, storeSpec('words')))
    expect(send('k', 'a', 10)).toEqual([['k', { before: undefined, beforeTimestamp: -1, after: 'a' }, 10]])
    expect(send('k', 'b', 20)).toEqual([['k', { before: 'a', beforeTimestamp: 10, after: 'ab' }, 20]])
    expect(send('j', 'c', 30)).toEqual([['j', { before: undefined, beforeTimestamp: -1, after: 'c' }, 30]])
  })
  it('has the largest timestamp of what was added, also when that came out of order', () => {
    const task = fakeTask()
    const send = opened(task, aggregate(append, storeSpec('words')))
    send('k', 'a', 20)
    expect(send('k', 'b', 10)).toEqual([['k', { before: 'a', beforeTimestamp: 20, after: 'ab' }, 20]])
    expect(task.store(storeSpec('words')).get('k')).toEqual({ value: 'ab', timestamp: 20 })
  })
  it('drops and counts null keys and null values, without a look at the aggregator', () => {
    const task = fakeTask()
    const send = opened(task, count(storeSpec('n')))
    expect([...send(null, 1), ...send(undefined, 1), ...send('k', null), ...send('k', undefined)]).toEqual([])
    expect(task.drops).toEqual(['count: null-key', 'count: null-key', 'count: null-value', 'count: null-value'])
    expect(task.store(storeSpec('n')).writes).toEqual([])
  })
  it('has written nothing when add throws, so that the record can be tried again', () => {
    const task = fakeTask()
    let broken = true
    const add = (acc: string, value: string): string => {
      if (broken) throw new Error('broken')
      return acc + value
    }
    const send = opened(task, aggregate({ empty: '', add }, storeSpec('words')))
    expect(() => send('k', 'a')).toThrow('broken')
    expect(task.store(storeSpec('words')).writes).toEqual([])
    broken = false
    expect(send('k', 'a')).toEqual([['k', { before: undefined, beforeTimestamp: -1, after: 'a' }, 0]])
  })
  it('refuses a promise, which would be stored as {}', () => {
    const task = fakeTask()
    const later: Aggregator<string, string, unknown> = { empty: '', add: async () => Promise.reject(new Error('later')) }
    expect(() => opened(task, aggregate(later, storeSpec('words')))('k', 'a')).toThrow(/^MR_PROMISE_IN_SYNC_VERB/)
    expect(task.store(storeSpec('words')).writes).toEqual([])
  })
  it('deletes the row when the result is null', () => {
    const task = fakeTask()
    const untilZero: Aggregator<string, number, number | null> = { empty: 0, add: (acc, value) => (acc ?? 0) + value || null }
    const send = opened(task, aggregate(untilZero, storeSpec('open')))
    send('k', 5, 10)
    expect(send('k', -5, 20)).toEqual([['k', { before: 5, beforeTimestamp: 10, after: undefined }, 20]])
    expect(send('k', 0, 30)).toEqual([])
    expect(task.store(storeSpec('open')).writes).toEqual([
      ['k', 5, 10],
      ['k', null, 20],
    ])
  })
  it.each([
    ['an array', [] as string[], (acc: string[], value: string) => (acc.push(value), acc), ['b']],
    ['a Set', new Set<string>(), (acc: Set<string>, value: string) => acc.add(value), new Set(['b'])],
    ['a nested object', { seen: [] as string[] }, (acc: { seen: string[] }, value: string) => (acc.seen.push(value), acc), { seen: ['b'] }],
  ])('starts each key from a copy of %s, even where add changes it', (_, empty, add, expected) => {
    // Each row of the table has types of its own; together they are more than inference can hold.
    const by = { empty, add } as unknown as Aggregator<string, string, unknown>
    const send = opened(fakeTask(), aggregate(by, storeSpec('seen')))
    send('k', 'a')
    expect(send('j', 'b')).toMatchObject([['j', { after: expected }, 0]])
  })
  it('starts from an instance of a class as it is', () => {
    class Bag {
      constructor(readonly items: readonly string[] = []) {}
      with(item: string): Bag {
        return new Bag([...this.items, item])
      }
    }
    const send = opened(fakeTask(), aggregate({ empty: new Bag(), add: (acc: Bag, value: string) => acc.with(value) }, storeSpec('bags')))
    expect(send('k', 'a')).toMatchObject([['k', { after: new Bag(['a']) }, 0]])
  })
  it('has a key of any type', () => {
    const spec: StoreSpec<number, number> = { name: 'n', key: codec.number, value: codec.number, kind: 'memory' }
    const send = opened(fakeTask(), aggregate(agg.sum((n: number) => n), spec)) // prettier-ignore
    send(1, 5)
    expect(send(1, 6)).toMatchObject([[1, { after: 11 }, 0]])
  })
})

describe('reduce', () => {
  it('takes the first value as the first result', () => {
    const send = opened(
      fakeTask(),
      reduce((a: string, b: string) => `${a}+${b}`, storeSpec<string>('longest')),
    )
    expect(send('k', 'a', 10)).toEqual([['k', { before: undefined, beforeTimestamp: -1, after: 'a' }, 10]])
    expect(send('k', 'b', 5)).toEqual([['k', { before: 'a', beforeTimestamp: 10, after: 'a+b' }, 10]])
  })
})

import fc from 'fast-check'
import { none, some } from 'fp-ts/lib/Option.js'
import { codec } from '../../lib/core/codec.js'
import type { KTable } from '../../lib/dsl/surface.js'
import { topic } from '../../lib/topology/topic.js'
import { fakeApp } from './fake-app.js'

const numbers = topic('numbers', { key: codec.string, value: codec.number })
const collect = async <A>(rows: AsyncIterable<A>): Promise<readonly A[]> => {
  const found: A[] = []
  for await (const row of rows) found.push(row)
  return found
}
const tableOf = (...partitions: readonly (readonly (readonly [string, number])[])[]): KTable<string, number> => {
  const app = fakeApp()
  app.fill(partitions)
  return app.builder.table(numbers)
}
// 'a' is odd and 'b' is even, so the fake host finds 'a' in partition 1 and 'b' in partition 0.
const two = () =>
  tableOf(
    [
      ['b', 2],
      ['d', 4],
      ['ba', 21],
    ],
    [
      ['a', 1],
      ['c', 3],
      ['e', 5],
    ],
  )

describe('KTable.get', () => {
  it('gives the row of a key, or none', async () => {
    expect(await two().get('a')).toEqual(some(1))
    expect(await two().get('x')).toEqual(none)
  })
  it('looks through filter and map, which have no rows of their own', async () => {
    const view = two()
      .filter((n) => n > 1)
      .map((n, { key }) => `${key}:${n}`)
    expect(await view.get('a')).toEqual(none)
    expect(await view.get('b')).toEqual(some('b:2'))
    expect(await collect(view.entries({ to: 'c' }))).toEqual([
      ['b', 'b:2'],
      ['ba', 'ba:21'],
    ])
  })
})

describe('KTable.entries', () => {
  const keys = async (range: Parameters<KTable<string, number>['entries']>[0]) =>
    (await collect(two().entries(range))).map(([key]) => key).join(' ')
  it('merges the partitions in order of the encoded keys', async () => {
    expect(await collect(two().entries())).toEqual([
      ['a', 1],
      ['b', 2],
      ['ba', 21],
      ['c', 3],
      ['d', 4],
      ['e', 5],
    ])
  })
  it('takes from inclusive and to exclusive', async () => expect(await keys({ from: 'b', to: 'd' })).toBe('b ba c'))
  it('takes keys that begin with the prefix', async () => expect(await keys({ prefix: 'b' })).toBe('b ba'))
  it('takes what is in both prefix and range', async () => expect(await keys({ prefix: 'b', from: 'b0', to: 'z' })).toBe('ba'))
  it('stops at the limit', async () => {
    expect(await keys({ limit: 2 })).toBe('a b')
    expect(await keys({ limit: 0 })).toBe('')
  })
  it('goes backwards', async () => expect(await keys({ reverse: true, to: 'e', limit: 3 })).toBe('d c ba'))
  it('rejects a limit that is none', async () => expect(keys({ limit: -1 })).rejects.toThrow(/MR_CONFIG: entries: limit is -1/))
  it('reads no further than it is asked', async () => {
    const rows = two().entries()[Symbol.asyncIterator]()
    expect(await rows.next()).toEqual({ done: false, value: ['a', 1] })
    expect(await rows.return?.()).toEqual({ done: true, value: undefined })
    expect(await rows.next()).toEqual({ done: true, value: undefined })
  })
  it('takes a prefix of bytes 0xff to the very end', async () => {
    const app = fakeApp()
    app.fill([
      [
        [Buffer.from([0xff, 0xff, 1]), 1],
        [Buffer.from([0xff]), 2],
        [Buffer.from([0xfe]), 3],
      ],
    ])
    const table = app.builder.table(topic('bytes', { key: codec.bytes, value: codec.number }))
    const found = await collect(table.entries({ prefix: Buffer.from([0xff]) }))
    expect(found.map(([, n]) => n)).toEqual([2, 1])
  })

  it('gives what sorting and filtering all rows would give', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 3 })
    const range = fc.record({ from: text, to: text, prefix: text, limit: fc.nat(5), reverse: fc.boolean() }, { requiredKeys: [] })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(text, { maxLength: 12 }),
        range,
        async (all, { from = '', to = 'z', prefix = '', limit = 99, reverse = false }) => {
          const partitions = [0, 1, 2].map((p) => all.filter((_, i) => i % 3 === p).map((key) => [key, key.length] as const))
          const expected = all.filter((key) => key >= from && key < to && key.startsWith(prefix)).sort()
          const found = await collect(tableOf(...partitions).entries({ from, to, prefix, limit, reverse }))
          expect(found.map(([key]) => key)).toEqual((reverse ? expected.reverse() : expected).slice(0, limit))
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('GlobalTable', () => {
  it('is read whole, by key and in order', async () => {
    const app = fakeApp()
    app.fill([
      [['b', 2]],
      [
        ['a', 1],
        ['c', 3],
      ],
    ])
    const table = app.builder.globalTable(numbers)
    expect(table.name).toBe('numbers')
    expect(await table.get('c')).toEqual(some(3))
    expect(await table.get('x')).toEqual(none)
    expect(await collect(table.entries({ to: 'c', limit: 5 }))).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })
})

import { some, none } from 'fp-ts/lib/Option.js'
import type { Meta } from '../../lib/core/record.js'
import { changes } from '../../lib/table/changes.js'
import { filterLookup, mapLookup, storeLookup } from '../../lib/table/lookup.js'
import { materialize } from '../../lib/table/materialize.js'
import { filterTable } from '../../lib/table/table-filter.js'
import { mapTable } from '../../lib/table/table-map.js'
import { toStream } from '../../lib/table/to-stream.js'
import { noHeaders } from '../../lib/core/headers.js'
import { fakeTask, opened, storeSpec } from '../support/fake-task.js'

const users = storeSpec<number>('users')

describe('filterTable', () => {
  const send = (): ReturnType<typeof opened> =>
    opened(
      fakeTask(),
      materialize(users),
      filterTable((n: number) => n > 10),
      toStream(),
    )

  it('gives an upsert for each change to a row that passes', () => {
    const table = send()
    expect([...table('k', 11, 1), ...table('k', 12, 2)]).toEqual([
      ['k', 11, 1],
      ['k', 12, 2],
    ])
  })
  it('gives one delete for a row that no longer passes, or is deleted, and none for one that never passed', () => {
    const table = send()
    table('k', 11)
    expect(table('k', 5, 2)).toEqual([['k', null, 2]])
    expect(table('k', 6)).toEqual([])
    expect(table('k', null)).toEqual([])
    expect(table('k', 12, 5)).toEqual([['k', 12, 5]])
    expect(table('k', null, 6)).toEqual([['k', null, 6]])
  })
  it('gives a row that begins to pass as an insert', () => {
    const verbs = [materialize(users), filterTable((n: number) => n > 10), changes()]
    const table = opened(fakeTask(), ...verbs)
    table('k', 5)
    expect(table('k', 11, 2)).toEqual([['k', { before: none, after: some(11) }, 2]])
  })
  it('asks of the row before with the time that row had, so that it answers as it did then', () => {
    const recent = filterTable((_: number, meta: Meta<string>) => meta.timestamp >= 100)
    const table = opened(fakeTask(), materialize(users), recent, toStream())
    expect(table('k', 1, 50)).toEqual([])
    expect(table('k', null, 200)).toEqual([])
    table('k', 1, 150)
    expect(table('k', 2, 60)).toEqual([['k', null, 60]])
  })
  it('refuses a promise, which would always pass', () => {
    const table = opened(fakeTask(), materialize(users), filterTable((() => Promise.resolve(false)) as never))
    expect(() => table('k', 1)).toThrow(/^MR_PROMISE_IN_SYNC_VERB: .* filter/)
  })
})

describe('mapTable', () => {
  it('maps both sides of a change', () => {
    const table = opened(fakeTask(), materialize(users), mapTable((n: number) => `#${n}`), changes()) // prettier-ignore
    expect(table('k', 1, 1)).toEqual([['k', { before: none, after: some('#1') }, 1]])
    expect(table('k', 2, 2)).toEqual([['k', { before: some('#1'), after: some('#2') }, 2]])
    expect(table('k', null, 3)).toEqual([['k', { before: some('#2'), after: none }, 3]])
  })
  it('takes a row mapped to null for none', () => {
    const table = opened(fakeTask(), materialize(users), mapTable((n: number) => (n > 10 ? n : null)), toStream()) // prettier-ignore
    expect([...table('k', 1), ...table('k', 11), ...table('k', 2), ...table('k', 3)]).toEqual([
      ['k', 11, 0],
      ['k', null, 0],
    ])
  })
})

describe('a lambda over a table', () => {
  it('is told key and time of the row and nothing of a record, both when the row changes and when it is looked up', () => {
    const task = fakeTask()
    const seen: [number, Meta<string>][] = []
    const look = (n: number, meta: Meta<string>): number => {
      seen.push([n, meta])
      return n
    }
    const table = opened(task, materialize(users), mapTable(look))
    table('k', 1, 10)
    table('k', 2, 20)
    mapLookup(storeLookup<string, number>(users), look).open(task).get('k')
    const at = (timestamp: number): Meta<string> => ({ key: 'k', timestamp, headers: noHeaders, topic: '', partition: -1, offset: -1 })
    expect(seen).toEqual([
      [1, at(10)],
      [1, at(10)],
      [2, at(20)],
      [2, at(20)],
    ])
  })
})

describe('a lookup', () => {
  const task = fakeTask()
  const table = opened(task, materialize(users))
  table('a', 1, 10)
  table('b', 20, 20)
  table('c', 30, 30)
  const rows = storeLookup<string, number>(users)
  const big = filterLookup(rows, (n) => n > 10)
  const names = mapLookup(big, (n, { key }) => (key === 'c' ? null : `${key}${n}`))

  it('of a store gives its rows', () => {
    expect(rows.open(task).get('a')).toEqual({ value: 1, timestamp: 10 })
  })
  it('of a filtered table gives those that pass', () => {
    expect(big.open(task).get('a')).toBeUndefined()
    expect([...big.open(task).entries()].map(([key, { value }]) => [key, value])).toEqual([
      ['b', 20],
      ['c', 30],
    ])
  })
  it('of a mapped table maps them, and leaves out what is mapped to null', () => {
    expect(names.open(task).get('b')).toEqual({ value: 'b20', timestamp: 20 })
    expect(names.open(task).get('c')).toBeUndefined()
    expect([...names.open(task).entries()]).toEqual([['b', { value: 'b20', timestamp: 20 }, Buffer.from('b')]])
  })
  it('passes ranges and direction on', () => {
    const found = [...rows.open(task).entries({ from: Buffer.from('a'), to: Buffer.from('c'), reverse: true })]
    expect(found.map(([key]) => key)).toEqual(['b', 'a'])
  })
})

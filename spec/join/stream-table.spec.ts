import { isSome, type Option } from 'fp-ts/lib/Option.js'
import { headersFrom } from '../../lib/core/headers.js'
import type { Meta } from '../../lib/core/record.js'
import { joinTable } from '../../lib/join/stream-table.js'
import { filterLookup, storeLookup } from '../../lib/table/lookup.js'
import { materialize } from '../../lib/table/materialize.js'
import { fakeTask, opened, record, storeSpec } from '../support/fake-task.js'

const users = storeSpec<string>('users')
const lookup = storeLookup<string, string>(users)
const inner = joinTable({ lookup, left: false, join: (order: string, user: string) => `${order},${user}`, label: 'join' })
const left = joinTable({
  lookup,
  left: true,
  join: (order: string, user: Option<string>) => `${order},${isSome(user) ? user.value : '–'}`,
  label: 'leftJoin',
})

describe('joinTable', () => {
  it('follows the table of inner and left joins: only the stream triggers', () => {
    const task = fakeTask()
    const table = opened(task, materialize(users))
    const [joinInner, joinLeft] = [opened(task, inner), opened(task, left)]
    const both = (value: string | null, t: number): unknown[] => [joinInner('k', value, t), joinLeft('k', value, t)]

    expect(both('A', 1)).toEqual([[], [['k', 'A,–', 1]]])
    table('k', 'a', 9)
    expect(both('B', 3)).toEqual([[['k', 'B,a', 3]], [['k', 'B,a', 3]]])
    table('k', 'b', 4)
    expect(both('C', 5)).toEqual([[['k', 'C,b', 5]], [['k', 'C,b', 5]]])
    expect(both(null, 6)).toEqual([[], []])
    table('k', null, 7)
    expect(both('D', 8)).toEqual([[], [['k', 'D,–', 8]]])
    expect(task.drops).toEqual(['join: null-value', 'leftJoin: null-value'])
  })
  it('drops a null key when inner, and gives it with none when left', () => {
    const task = fakeTask()
    expect(opened(task, inner)(null, 'A', 1)).toEqual([])
    expect(opened(task, left)(null, 'A', 1)).toEqual([[null, 'A,–', 1]])
    expect(opened(task, left)(null, null, 1)).toEqual([])
    expect(task.drops).toEqual(['join: null-key', 'leftJoin: null-value'])
  })
  it('joins with a table that was derived from another', () => {
    const task = fakeTask()
    const table = opened(task, materialize(users))
    const gold = filterLookup(lookup, (user) => user.startsWith('gold'))
    const join = opened(
      task,
      joinTable({ lookup: gold, left: false, join: (order: string, user: string) => `${order},${user}`, label: 'join' }),
    )
    table('k', 'plain')
    expect(join('k', 'A')).toEqual([])
    table('k', 'gold')
    expect(join('k', 'B')).toEqual([['k', 'B,gold', 0]])
  })
  it(`passes the stream record's meta, and carries its headers on`, () => {
    const task = fakeTask()
    opened(task, materialize(users))('k', 'a')
    const metas: Meta<string>[] = []
    const join = (order: string, _: string, meta: Meta<string>): string => {
      metas.push(meta)
      return order
    }
    const given = record('k', 'A', 5, headersFrom({ trace: 't1' }))
    const out: (string | undefined)[] = []
    joinTable({ lookup, left: false, join, label: 'join' }).open(task)(given, (joined) => out.push(joined.headers.text('trace')))
    expect(metas).toMatchObject([{ key: 'k', timestamp: 5, topic: 'topic', partition: 3, offset: 7 }])
    expect(out).toEqual(['t1'])
  })
})

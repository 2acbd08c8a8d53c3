import { isSome, type Option } from 'fp-ts/lib/Option.js'
import { joinGlobal } from '../../lib/join/stream-global.js'
import { fakeTask, opened } from '../support/fake-task.js'

const users = { users: new Map([['f0', 'Y0']]) }
/** 'X0 f0' → 'f0'; 'X0' → null. */
const on = (value: string): string | null => value.split(' ')[1] ?? null
const inner = joinGlobal({ table: 'users', on, left: false, join: (l: string, r: string) => `${l},${r}`, label: 'join' })
const left = joinGlobal({
  table: 'users',
  on,
  left: true,
  join: (l: string, r: Option<string>) => `${l},${isSome(r) ? r.value : '–'}`,
  label: 'leftJoin',
})

describe('joinGlobal', () => {
  it.each([
    ['a row', 'k', 'X0 f0', [['k', 'X0 f0,Y0', 5]], [['k', 'X0 f0,Y0', 5]], []],
    ['no row', 'k', 'X0 f1', [], [['k', 'X0 f1,–', 5]], []],
    ['a selected key of null', 'k', 'X0', [], [['k', 'X0,–', 5]], ['join: null-key']],
    ['a null key of its own', null, 'X0 f0', [[null, 'X0 f0,Y0', 5]], [[null, 'X0 f0,Y0', 5]], []],
    ['a null value', 'k', null, [], [], ['join: null-value', 'leftJoin: null-value']],
  ])('for %s', (_, key, value, fromInner, fromLeft, drops) => {
    const task = fakeTask(users)
    expect(opened(task, inner)(key, value, 5)).toEqual(fromInner)
    expect(opened(task, left)(key, value, 5)).toEqual(fromLeft)
    expect(task.drops).toEqual(drops)
  })
  it('refuses a promise for a key', () => {
    const later = joinGlobal({ table: 'users', on: () => Promise.resolve('f0'), left: false, join: () => 1, label: 'join' })
    expect(() => opened(fakeTask(users), later)('k', 'X')).toThrow(/^MR_PROMISE_IN_SYNC_VERB/)
  })
})

import { materialize, materializeChange } from '../../lib/table/materialize.js'
import { mapTable } from '../../lib/table/table-map.js'
import { toStream } from '../../lib/table/to-stream.js'
import { fakeTask, opened, storeSpec } from '../support/fake-task.js'

describe('materialize', () => {
  it('upserts by key, and forwards a delete exactly if there was a row', () => {
    const task = fakeTask()
    const send = opened(task, materialize(storeSpec<string>('users')))
    expect(send('k', null, 5)).toEqual([])
    expect(send('k', 'a', 10)).toEqual([['k', { before: undefined, beforeTimestamp: -1, after: 'a' }, 10]])
    expect(send('k', 'b', 20)).toEqual([['k', { before: 'a', beforeTimestamp: 10, after: 'b' }, 20]])
    expect(send('k', null, 30)).toEqual([['k', { before: 'b', beforeTimestamp: 20, after: undefined }, 30]])
    expect(send('k', undefined, 40)).toEqual([])
    expect(task.store(storeSpec('users')).get('k')).toBeUndefined()
  })
  it('goes by order of arrival, not by time', () => {
    const task = fakeTask()
    const send = opened(task, materialize(storeSpec<string>('users')))
    send('k', 'newer', 20)
    expect(send('k', 'older', 10)).toEqual([['k', { before: 'newer', beforeTimestamp: 20, after: 'older' }, 10]])
  })
  it('keeps falsy values', () => {
    const send = opened(fakeTask(), materialize(storeSpec<unknown>('users')), toStream())
    expect([...send('a', 0), ...send('b', ''), ...send('c', false)].map(([, value]) => value)).toEqual([0, '', false])
  })
  it('drops and counts null keys', () => {
    const task = fakeTask()
    const send = opened(task, materialize(storeSpec<string>('users'), 'table(users)'))
    expect([...send(null, 'a'), ...send(null, null)]).toEqual([])
    expect(task.drops).toEqual(['table(users): null-key', 'table(users): null-key'])
  })
})

describe('materializeChange', () => {
  it('keeps the rows of a derived table', () => {
    const task = fakeTask()
    const send = opened(
      task,
      materialize(storeSpec<string>('users')),
      mapTable((value: string) => value.length),
      materializeChange(storeSpec<number>('lengths')),
    )
    expect(send('k', 'ada', 10)).toEqual([['k', { before: undefined, beforeTimestamp: -1, after: 3 }, 10]])
    expect(task.store(storeSpec('lengths')).get('k')).toEqual({ value: 3, timestamp: 10 })
    expect(send('k', null, 20)).toEqual([['k', { before: 3, beforeTimestamp: 10, after: undefined }, 20]])
    expect(task.store(storeSpec('lengths')).get('k')).toBeUndefined()
  })
  it('gives the row it held as the one before, whatever an impure lambda makes of that now', () => {
    let version = 1
    const send = opened(
      fakeTask(),
      materialize(storeSpec<string>('users')),
      mapTable((value: string) => `${value}${version}`),
      materializeChange(storeSpec<string>('versions')),
    )
    send('k', 'a', 10)
    version = 2
    expect(send('k', 'b', 20)).toEqual([['k', { before: 'a1', beforeTimestamp: 10, after: 'b2' }, 20]])
  })
})

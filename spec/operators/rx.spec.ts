import { bufferCount, delay, filter, map, merge, Observable, scan, startWith, take, timer, type OperatorFunction } from 'rxjs'
import { plainRecord, type KRecord } from '../../lib/core/record.js'
import { rx } from '../../lib/operators/rx.js'
import { record } from '../support/fake-task.js'
import { atWork, workingTask } from '../support/working-task.js'

type Of<V> = KRecord<string, V>
const records = (...values: readonly number[]) => values.map((value) => record('k', value))
const opened = (...operators: readonly OperatorFunction<Of<number>, Of<unknown>>[]) => {
  const working = workingTask()
  // The DSL has checked that the operators fit one another.
  const work = atWork(rx(operators as unknown as readonly OperatorFunction<unknown, unknown>[]), working)
  return { ...work, ...working, values: () => work.out.map(({ value }) => value as unknown) }
}

describe('rx', () => {
  it('gives what the operators emit while a batch passes as part of that batch', () => {
    const { send, values, answered } = opened(filter(({ value }) => value > 1))
    send('one', records(1, 2, 3))

    expect([values(), answered]).toEqual([[2, 3], ['one']])
  })

  it('keeps the state of the operators over batches', () => {
    const { send, values, answered } = opened(
      scan((sum, { value, ...rest }) => ({ ...rest, value: sum.value + value }), { value: 0 } as Of<number>),
    )
    send('one', records(1, 2))
    send('two', records(3))

    expect([values(), answered]).toEqual([
      [1, 3, 6],
      ['one', 'two'],
    ])
  })

  it('answers for a batch that nothing came out of', () => {
    const counted = map((some: readonly Of<number>[]): Of<number> => ({ ...(some[0] ?? plainRecord(record('k', 0))), value: some.length }))
    const { send, values, answered } = opened((source) => source.pipe(bufferCount(3), counted))
    send('one', records(1, 2))
    expect([values(), answered]).toEqual([[], ['one']])
    send('two', records(3))

    expect([values(), answered]).toEqual([[3], ['one', 'two']])
  })

  it('takes what the operators emit by themselves for records of its own, that a commit waits for', async () => {
    const { send, values, answered } = opened(delay(0))
    send('one', records(1))
    expect([values(), answered]).toEqual([[], ['one']])
    await new Promise<void>((resolve) => timer(5).subscribe(() => resolve()))

    expect([values(), answered]).toEqual([[1], ['one', 'extra 1']])
  })

  it('takes what is emitted before the first record for a record of its own, too', () => {
    const { send, values, answered } = opened(startWith<Of<number>>(plainRecord(record('k', 0))))
    send('one', records(1))

    expect([values(), answered]).toEqual([
      [0, 1],
      ['extra 1', 'one'],
    ])
  })

  it('fails the app when the operators end with an error, and leaves the batch unanswered', () => {
    const { send, answered, stopped } = opened(
      map((given) => {
        if (given.value === 2) throw new Error('no')
        return given
      }),
    )
    send('one', records(1))
    send('two', records(1, 2, 3))
    send('three', records(4))

    expect([stopped, answered]).toEqual([['MR_RX_ERROR'], ['one']])
  })

  it('fails the app when the operators complete, and leaves what they did not take unanswered', () => {
    const { send, values, answered, stopped } = opened(take(1))
    send('one', records(1, 2))
    send('two', records(3))

    expect([stopped, answered, values()]).toEqual([['MR_RX_COMPLETED'], [], []])
  })

  it('fails the app when something comes out that is no record', () => {
    const { send, stopped, answered } = opened(map(() => undefined as unknown as Of<number>))
    send('one', records(1))

    expect([stopped, answered]).toEqual([['MR_RX_ERROR'], []])
  })

  it('ends the operators with its subscription, so that none of their timers outlives a task', () => {
    let ended = 0
    const { close } = opened((source) => merge(source, new Observable<Of<number>>(() => () => ended++)))
    close()

    expect(ended).toBe(1)
  })
})

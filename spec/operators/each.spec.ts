import { each } from '../../lib/operators/each.js'
import type { Verdict } from '../../lib/topology/operator.js'
import { record } from '../support/fake-task.js'
import { atWork, turn, workingTask } from '../support/working-task.js'

const records = (...values: readonly string[]) => values.map((value) => record('k', value))

describe('each', () => {
  it('calls the function for one record after the other, and answers for the batch when all have settled', async () => {
    const working = workingTask()
    const called: string[] = []
    const settle: (() => void)[] = []
    const { send, answered } = atWork(
      each<string, string>((value) => {
        called.push(value)
        return new Promise((resolve) => settle.push(resolve))
      }),
      working,
    )

    send('first', records('a', 'b'))
    send('second', records('c'))
    expect(called).toEqual(['a'])
    settle[0]?.()
    await turn()
    expect([called, answered]).toEqual([['a', 'b'], []])
    settle[1]?.()
    await turn()
    expect([called, answered]).toEqual([['a', 'b', 'c'], ['first']])
  })

  it('answers an empty batch in its turn', async () => {
    const { send, answered } = atWork(
      each(() => undefined),
      workingTask(),
    )
    send('empty', [])

    await turn()
    expect(answered).toEqual(['empty'])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('puts a record to the policy when the function %s, and goes on with the next when it is dropped', async (_, refuse) => {
    const working = workingTask(() => ({ _tag: 'drop' }))
    const called: string[] = []
    const { send, answered } = atWork(
      each<string, string>((value) => {
        called.push(value)
        return value === 'b' ? refuse() : undefined
      }),
      working,
    )

    send('batch', records('a', 'b', 'c'))
    await turn()
    expect(called).toEqual(['a', 'b', 'c'])
    expect(working.failures).toEqual(['sink each b 1 no'])
    expect(answered).toEqual(['batch'])
  })

  it('calls again for the same record after the back-off, before what comes after it', async () => {
    const working = workingTask(({ attempt }): Verdict => (attempt < 3 ? { _tag: 'retry', afterMs: 100 } : { _tag: 'drop' }))
    const called: string[] = []
    const { send, answered } = atWork(
      each<string, string>((value) => {
        called.push(value)
        if (value === 'a') throw new Error('no')
      }),
      working,
    )

    send('batch', records('a', 'b'))
    await turn()
    expect(called).toEqual(['a'])
    await working.advance(200)
    expect(called).toEqual(['a', 'a', 'a', 'b'])
    expect(working.failures.map((failure) => failure.split(' ')[3])).toEqual(['1', '2', '3'])
    expect(answered).toEqual(['batch'])
  })

  it('leaves the batch unanswered when the app is to stop', async () => {
    const working = workingTask(() => ({ _tag: 'stop' }))
    const called: string[] = []
    const { send, answered } = atWork(
      each<string, string>((value) => {
        called.push(value)
        throw new Error('no')
      }),
      working,
    )

    send('batch', records('a', 'b'))
    await turn()
    expect([called, answered]).toEqual([['a'], []])
  })

  it('calls for nothing more once the task is closed, and blames no record for what it broke off', async () => {
    const working = workingTask(() => ({ _tag: 'drop' }))
    const called: string[] = []
    const reject: ((error: Error) => void)[] = []
    const { send, answered } = atWork(
      each<string, string>((value) => {
        called.push(value)
        return new Promise((_, broken) => reject.push(broken))
      }),
      working,
    )

    send('batch', records('a', 'b'))
    working.abort()
    reject[0]?.(new Error('broken off'))
    await turn()
    expect([called, answered, working.failures]).toEqual([['a'], [], []])
  })
})

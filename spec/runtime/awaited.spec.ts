import { awaiting } from '../../lib/runtime/awaited.js'
import type { Batch } from '../../lib/topology/operator.js'
import { record } from '../support/fake-task.js'
import { workingTask } from '../support/working-task.js'

/** A verb that answers when it is told to, and what has come of it. */
const opened = () => {
  const { task, standstill, receipts } = workingTask()
  const given: Batch[] = []
  const next: string[] = []
  const { take, give } = awaiting(
    task,
    (batch) => void given.push(batch),
    ({ records, receipt }) => {
      next.push(records.map(({ value }) => String(value)).join(' '))
      receipt.done()
    },
  )
  const records = (values: string) => values.split(' ').filter(Boolean).map((value) => record('k', value)) // prettier-ignore
  return {
    standstill,
    next,
    answered: receipts.answered,
    take: (name: string, values: string) => take({ records: records(values), receipt: receipts.begin(name) }),
    /** Of the batch it was given last; `more`: not the last part. */
    answer: (values: string, more = false) => {
      const { receipt } = given[given.length - 1] as Batch
      if (more) receipt.hold(1)
      give({ records: records(values), receipt })
    },
    receipt: () => (given[given.length - 1] as Batch).receipt,
  }
}

describe('a verb that is awaited', () => {
  it('has the task stand still until it has answered', () => {
    const { standstill, take, answer, next, answered } = opened()
    take('batch', 'a b')
    expect([standstill.isOn, next]).toEqual([true, []])
    answer('A B')

    expect([standstill.isOn, next, answered]).toEqual([false, ['A B'], ['batch']])
  })

  it('answers with one batch, in however many parts its answer comes', () => {
    const { standstill, take, answer, next, answered } = opened()
    take('batch', 'a b c')
    answer('A', true)
    answer('', true)
    expect([standstill.isOn, next, answered]).toEqual([true, [], []])
    answer('B C')

    expect([next, answered]).toEqual([['A B C'], ['batch']])
  })

  it('does not wait for a dead letter, but its batch does', () => {
    const { take, answer, receipt, next, answered } = opened()
    take('batch', 'a b')
    const { outside } = receipt()
    outside.hold(1)
    answer('A')
    expect([next, answered]).toEqual([['A'], []])
    outside.done()

    expect(answered).toEqual(['batch'])
  })

  it('has nobody wait for a batch without records', () => {
    const { standstill, take, next, answered } = opened()
    take('batch', '')

    expect([standstill.isOn, next, answered]).toEqual([false, [''], ['batch']])
  })
})

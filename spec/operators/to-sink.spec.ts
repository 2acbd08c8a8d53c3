import fc from 'fast-check'
import type { KRecord } from '../../lib/core/record.js'
import { toSink } from '../../lib/operators/to-sink.js'
import type { Verdict } from '../../lib/topology/operator.js'
import { record } from '../support/fake-task.js'
import { atWork, turn, workingTask } from '../support/working-task.js'

const records = (...values: readonly string[]) => values.map((value) => record('k', value))

interface Write {
  readonly values: readonly string[]
  readonly records: readonly KRecord<string, string>[]
  readonly signal: AbortSignal
  readonly resolve: () => Promise<void>
  readonly reject: () => Promise<void>
}
/** A sink whose writes the test settles by hand. */
const opened = (options: { readonly size?: number; readonly within?: '1s' | '5s' } = {}, policy?: Parameters<typeof workingTask>[0]) => {
  const working = workingTask(policy)
  const writes: Write[] = []
  const verb = toSink<string, string>({
    name: 'rows',
    ...options,
    write: (given, signal) =>
      new Promise((resolve, reject) => {
        const settle = (how: () => void) => () => {
          how()
          return turn()
        }
        const rejected = settle(() => reject(new Error('no')))
        writes.push({ values: given.map(({ value }) => value), records: given, signal, resolve: settle(resolve), reject: rejected })
      }),
  })
  return { ...atWork(verb, working), ...working, working, writes, written: () => writes.map(({ values }) => values) }
}

describe('toSink', () => {
  it('writes as many records at a time as its size says, whatever the batches', () => {
    const { send, written } = opened({ size: 2 })
    send('one', records('a'))
    expect(written()).toEqual([])
    send('two', records('b', 'c'))

    expect(written()).toEqual([['a', 'b']])
  })

  it('writes what is there when the first of it has waited long enough', async () => {
    const { send, written, advance } = opened({ size: 10, within: '5s' })
    send('one', records('a'))
    await advance(4999)
    send('two', records('b'))
    expect(written()).toEqual([])
    await advance(1)

    expect(written()).toEqual([['a', 'b']])
  })

  it('writes what is there when a commit is due, and at once while it drains', () => {
    const { send, written, flush, state, writes } = opened({ size: 10 })
    send('one', records('a'))
    flush()
    expect(written()).toEqual([['a']])

    state.isDraining = true
    send('two', records('b'))
    void writes[0]?.resolve()
    return turn().then(() => expect(written()).toEqual([['a'], ['b']]))
  })

  it('has one write at a time, in order', async () => {
    const { send, written, writes } = opened({ size: 1 })
    send('batch', records('a', 'b'))
    expect(written()).toEqual([['a']])
    await writes[0]?.resolve()

    expect(written()).toEqual([['a'], ['b']])
  })

  it('answers for a batch when the last of its records is written', async () => {
    const { send, answered, writes } = opened({ size: 2 })
    send('one', records('a', 'b', 'c'))
    send('two', records('d'))
    await writes[0]?.resolve()
    expect(answered).toEqual([])
    await writes[1]?.resolve()

    expect(answered).toEqual(['one', 'two'])
  })

  it('answers an empty batch at once', () => {
    const { send, answered } = opened()
    send('empty', [])

    expect(answered).toEqual(['empty'])
  })

  it('gives plain records with their own bytes', () => {
    const bytes = Buffer.from('abc')
    const { send, writes } = opened({ size: 1 })
    send('batch', [record(bytes.subarray(0, 1), bytes.subarray(1))])

    const [given] = writes[0]?.records ?? []
    bytes.fill(0)
    expect({ ...given }).toMatchObject({ key: Buffer.from('a'), value: Buffer.from('bc'), offset: 7 })
  })

  it('puts each record of a rejected write to the policy; what is dropped is answered for', async () => {
    const { send, answered, writes, failures } = opened({ size: 2 }, () => ({ _tag: 'drop' }))
    send('batch', records('a', 'b', 'c'))
    await writes[0]?.reject()

    expect(failures).toEqual(['sink rows a 1 no', 'sink rows b 1 no'])
    expect(answered).toEqual([])
  })

  it('writes all of them again after one back-off', async () => {
    const retry = (): Verdict => ({ _tag: 'retry', afterMs: 100 })
    const { send, answered, writes, written, failures, advance } = opened({ size: 2 }, retry)
    send('batch', records('a', 'b'))
    await writes[0]?.reject()
    expect(written()).toEqual([['a', 'b']])
    await advance(100)
    expect(written()).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    await writes[1]?.resolve()

    expect(failures).toEqual(['sink rows a 1 no'])
    expect(answered).toEqual(['batch'])
  })

  it('does not write again what the policy has dropped, when others are tried again', async () => {
    const { send, answered, writes, written, failures, advance } = opened({ size: 3 }, ({ record: { value } }) =>
      value === 'b' ? { _tag: 'retry', afterMs: 100 } : { _tag: 'drop' },
    )
    send('batch', records('a', 'b', 'c'))
    await writes[0]?.reject()
    await advance(100)
    expect(written()).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
    ])
    await writes[1]?.resolve()

    expect(failures).toEqual(['sink rows a 1 no', 'sink rows b 1 no'])
    expect(answered).toEqual(['batch'])
  })

  it('leaves batches unanswered, and writes nothing more, when the app is to stop', async () => {
    const { send, answered, writes, written } = opened({ size: 1 }, () => ({ _tag: 'stop' }))
    send('batch', records('a'))
    await writes[0]?.reject()

    expect([answered, written()]).toEqual([[], [['a']]])
  })

  it('aborts the signal of a write when the task is closed, and blames no record for what that breaks off', async () => {
    const { send, answered, writes, written, failures, abort } = opened({ size: 1 }, () => ({ _tag: 'drop' }))
    send('batch', records('a', 'b'))
    abort()
    expect(writes[0]?.signal.aborted).toBe(true)
    await writes[0]?.reject()

    expect([answered, failures, written()]).toEqual([[], [], [['a']]])
  })

  it.each([0, -1, 1.5, NaN])('refuses size %p', (size) => {
    expect(() => opened({ size })).toThrow('MR_CONFIG')
  })

  it('writes every record once and in order, and answers for each batch exactly once, whatever batches, flushes and size', async () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant('flush' as const), fc.constant('settle' as const)))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (size, todo) => {
        const { send, answered, writes, written, flush } = opened({ size })
        const sent: string[][] = []
        let settled = 0
        for (const step of todo) {
          if (step === 'flush') flush()
          else if (step === 'settle') {
            if (settled < writes.length) await writes[settled++]?.resolve()
          } else {
            const values = Array.from({ length: step }, (_, i) => `${sent.length}.${i}`)
            sent.push(values)
            send(String(sent.length - 1), records(...values))
          }
          const stored = new Set(written().slice(0, settled).flat())
          expect(answered.flatMap((batch) => sent[Number(batch)] ?? []).every((value) => stored.has(value))).toBe(true)
        }
        flush()
        while (settled < writes.length) await writes[settled++]?.resolve()

        expect(written().flat()).toEqual(sent.flat())
        expect(written().every(({ length }) => length <= size)).toBe(true)
        expect([...answered].sort()).toEqual(sent.map((_, i) => String(i)).sort())
      }),
      { numRuns: 50 },
    )
  })
})

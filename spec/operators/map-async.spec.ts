import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { Subject } from 'rxjs'
import { mapAsync, type MapAsyncOptions } from '../../lib/operators/map-async.js'
import { VirtualClock } from '../../lib/testing/virtual-clock.js'
import type { Batch, Receipt, TaskContext, Verdict } from '../../lib/topology/operator.js'
import { fakeTask, record } from '../support/fake-task.js'
import { atWork, turn, workingTask } from '../support/working-task.js'

/** The verb in a task, promises that the test settles by hand, and receipts that count their parts. */
const opened = (options: MapAsyncOptions, verdict: Verdict = { _tag: 'stop' }) => {
  const clock = new VirtualClock(0)
  const calls: { readonly value: string; readonly signal: AbortSignal; readonly resolve: () => void; readonly reject: () => void }[] = []
  const failures: string[] = []
  const aborter = new AbortController()
  const task: TaskContext = {
    ...fakeTask(),
    clock,
    signal: aborter.signal,
    fail: ({ record: failed, attempt, error }) => {
      failures.push(`${String(failed.value)} ${attempt} ${error.message}`)
      return verdict
    },
  }
  const out: string[] = []
  const answered: string[] = []
  const input = new Subject<Batch>()
  const parts = new Map<string, number>()
  mapAsync<string, string, string>(
    (value, _meta, signal) =>
      new Promise((resolve, reject) =>
        calls.push({ value, signal, resolve: () => resolve(value.toUpperCase()), reject: () => reject(new Error('no')) }),
      ),
    options,
  )
    .open(task)(input)
    .subscribe(({ records, receipt }) => {
      out.push(...records.map(({ value }) => String(value)))
      receipt.done()
    })
  const send = (name: string, ...values: readonly string[]) => {
    parts.set(name, 1)
    const receipt: Receipt = {
      hold: (more) => void parts.set(name, (parts.get(name) ?? 0) + more),
      done: () => {
        const left = (parts.get(name) ?? 0) - 1
        parts.set(name, left)
        if (left === 0) answered.push(name)
        if (left < 0) throw new Error(`${name} was answered twice`)
      },
      get outside() {
        return receipt
      },
    }
    input.next({ records: values.map((value) => record(value.slice(0, 1), value)), receipt })
  }
  const settle = async (value: string) => {
    calls.findLast((call) => call.value === value)?.resolve()
    await turn()
  }
  const reject = async (value: string) => {
    calls.findLast((call) => call.value === value)?.reject()
    await turn()
  }
  const abort = () => aborter.abort(new Error('closed'))
  return {
    clock,
    abort,
    signal: aborter.signal,
    calls,
    failures,
    out,
    answered,
    send,
    settle,
    reject,
    called: () => calls.map(({ value }) => value),
  }
}

describe('mapAsync', () => {
  it('has no more promises at a time than its concurrency', async () => {
    const { send, settle, called } = opened({ concurrency: 2 })
    send('batch', 'a', 'b', 'c')

    expect(called()).toEqual(['a', 'b'])
    await settle('b')
    expect(called()).toEqual(['a', 'b', 'c'])
  })

  it('keeps the order of the input: what settles early waits for what came before it', async () => {
    const { send, settle, out } = opened({ order: 'input' })
    send('batch', 'a', 'b', 'c')

    await settle('c')
    await settle('b')
    expect(out).toEqual([])
    await settle('a')
    expect(out).toEqual(['A', 'B', 'C'])
  })

  it("lets results leave as they settle with order 'none'", async () => {
    const { send, settle, out } = opened({ order: 'none' })
    send('batch', 'a', 'b')

    await settle('b')
    expect(out).toEqual(['B'])
  })

  it("works on one record of a key at a time with order 'key'", async () => {
    const { send, settle, called, out } = opened({ order: 'key' })
    send('batch', 'a1', 'a2', 'b1')

    expect(called()).toEqual(['a1', 'b1'])
    await settle('b1')
    await settle('a1')
    expect(called()).toEqual(['a1', 'b1', 'a2'])
    await settle('a2')
    expect(out).toEqual(['B1', 'A1', 'A2'])
  })

  it('gives up an attempt after its timeout and aborts its signal; a retry counts it as a failure', async () => {
    const { send, settle, calls, clock, out } = opened({ timeout: '2s', retry: { times: 1, backoff: '1s' } })
    send('batch', 'a')

    await clock.advance(2000, turn)
    expect(calls[0]?.signal.aborted).toBe(true)
    await clock.advance(1000, turn)
    expect(calls).toHaveLength(2)
    await settle('a')
    expect(out).toEqual(['A'])
  })

  it('puts what still fails to the policy, and goes on without it when the policy drops it', async () => {
    const { send, settle, reject, failures, out, answered } = opened({}, { _tag: 'drop' })
    send('batch', 'a', 'b')

    await reject('a')
    await settle('b')
    expect(failures).toEqual(['a 1 no'])
    expect([out, answered]).toEqual([['B'], ['batch']])
  })

  it('leaves the batch unanswered when the app is to stop', async () => {
    const { send, reject, answered } = opened({}, { _tag: 'stop' })
    send('batch', 'a')

    await reject('a')
    expect(answered).toEqual([])
  })

  it('hands a failure to the policy after its own retries, which begin again when the policy has it tried again', async () => {
    const { send, reject, settle, calls, failures, clock, out } = opened(
      { retry: { times: 1, backoff: '1s' } },
      { _tag: 'retry', afterMs: 5000 },
    )
    send('batch', 'a')

    await reject('a')
    await clock.advance(1000, turn)
    expect(failures).toEqual([])
    await reject('a')
    await clock.advance(5000, turn)
    await reject('a')
    await clock.advance(1000, turn)
    await reject('a')
    expect(failures).toEqual(['a 1 no', 'a 2 no'])
    await clock.advance(5000, turn)
    expect(calls).toHaveLength(5)
    await settle('a')
    expect(out).toEqual(['A'])
  })

  it('takes a throw for a rejection', async () => {
    const working = workingTask(() => ({ _tag: 'drop' }))
    const verb = mapAsync(() => {
      throw new Error('no')
    })
    const { send, answered } = atWork(verb, working)
    send('batch', [record('k', 'a')])

    await turn()
    expect([working.failures, answered]).toEqual([['process mapAsync a 1 no'], ['batch']])
  })

  it('starts nothing more once the task is closed, aborts what runs, and blames no record for it', async () => {
    const { send, settle, reject, abort, called, calls, failures, answered } = opened({ concurrency: 2 }, { _tag: 'drop' })
    send('batch', 'a', 'b', 'c', 'd')
    abort()

    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, true])
    await settle('a')
    await reject('b')
    expect([called(), failures, answered]).toEqual([['a', 'b'], [], []])
  })

  it('listens once to the signal of its task, however many promises there are', () => {
    const { send, signal } = opened({ concurrency: 16 })
    send('batch', ...'abcdefghijklmnop')

    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  })

  it('does not try again once the task is closed', async () => {
    const { send, reject, abort, calls, clock } = opened({ retry: { times: 3, backoff: '1s' } })
    send('batch', 'a')
    await reject('a')
    abort()
    await clock.advance(1000, turn)

    expect(calls).toHaveLength(1)
  })

  it.each<MapAsyncOptions>([{ concurrency: 0 }, { concurrency: 1.5 }, { retry: { times: -1 } }, { retry: { times: 0.5 } }])(
    'refuses %j',
    (options) => {
      expect(() => opened(options)).toThrow('MR_CONFIG')
    },
  )

  it('answers an empty batch at once', () => {
    const { send, answered } = opened({})
    send('empty')

    expect(answered).toEqual(['empty'])
  })

  it('answers for every batch exactly once, and loses no record, in whatever order promises settle', async () => {
    const order = fc.constantFrom('input' as const, 'key' as const, 'none' as const)
    const sizes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(
        order,
        fc.integer({ min: 1, max: 4 }),
        sizes,
        fc.infiniteStream(fc.nat()),
        async (by, concurrency, batches, random) => {
          const { send, settle, called, out, answered } = opened({ order: by, concurrency })
          const values = batches.map((n, b) => Array.from({ length: n }, (_, i) => `${'abc'.charAt(i % 3)}${b}.${i}`))
          values.forEach((some, b) => send(String(b), ...some))
          const open = new Set(called())
          while (open.size > 0) {
            const next = [...open][(random.next().value as number) % open.size] ?? ''
            await settle(next)
            const seen = new Set(out.map((value) => value.toLowerCase()))
            for (const value of called()) open.add(value)
            for (const value of [...open]) if (value === next || seen.has(value)) open.delete(value)
          }

          const all = values.flat().map((value) => value.toUpperCase())
          expect([...out].sort()).toEqual([...all].sort())
          expect([...answered].sort()).toEqual(batches.map((_, b) => String(b)))
          expect(by === 'input' ? out : all).toEqual(all)
        },
      ),
      { numRuns: 50 },
    )
  })
})

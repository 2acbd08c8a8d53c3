import { Subject } from 'rxjs'
import { Standstill } from '../../lib/runtime/standstill.js'
import { VirtualClock } from '../../lib/testing/virtual-clock.js'
import type { AnyRec, Batch, PerBatch, Receipt, TaskContext, Verdict } from '../../lib/topology/operator.js'
import { fakeTask } from './fake-task.js'

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

type Failed = Parameters<TaskContext['fail']>[0]

/** A task whose clock, policy and end are in the hands of the test. Without a policy a failure stops it. */
export const workingTask = (policy: (failure: Failed) => Verdict = () => ({ _tag: 'stop' })) => {
  const clock = new VirtualClock(0)
  const aborter = new AbortController()
  /** 'stage operator value attempt message', in order. */
  const failures: string[] = []
  const stopped: string[] = []
  const flushers: (() => void)[] = []
  const receipts = countedReceipts()
  const standstill = new Standstill()
  let extras = 0
  const state = { isDraining: false }
  const task: TaskContext = {
    ...fakeTask(),
    clock,
    signal: aborter.signal,
    get isDraining() {
      return state.isDraining
    },
    fail: (failure) => {
      const { stage, operator, record, attempt, error } = failure
      failures.push(`${stage} ${operator} ${String(record.value)} ${attempt} ${error.message}`)
      return policy(failure)
    },
    stop: (error) => void stopped.push(error.message.split(':', 1)[0] ?? ''),
    onFlush: (flush) => void flushers.push(flush),
    hold: () => standstill.begin(),
    whenFree: (move) => standstill.whenOver(move),
    extraReceipt: () => receipts.begin(`extra ${++extras}`),
  }
  const flush = () => {
    for (const each of flushers) each()
  }
  const advance = (ms: number) => clock.advance(ms, turn)
  const abort = () => {
    aborter.abort(new Error('closed'))
    standstill.end()
  }
  return { task, standstill, clock, state, failures, stopped, receipts, flush, advance, abort }
}

/** Receipts that know who has been answered for, and refuse to be answered twice. */
export const countedReceipts = () => {
  const answered: string[] = []
  const begin = (name: string): Receipt => {
    let parts = 1
    const receipt: Receipt = {
      hold: (more) => {
        if (parts <= 0) throw new Error(`${name} was split after it had been answered`)
        parts += more
      },
      done: () => {
        if (--parts < 0) throw new Error(`${name} was answered twice`)
        if (parts === 0) answered.push(name)
      },
      get outside() {
        return receipt
      },
    }
    return receipt
  }
  return { answered, begin }
}

/** A verb that waits for something, at work: what it lets go of is in `out`, and is answered for at once. */
export const atWork = (verb: PerBatch, working: ReturnType<typeof workingTask>) => {
  const { begin, answered } = working.receipts
  const out: AnyRec[] = []
  const input = new Subject<Batch>()
  const take = working.standstill.guard((batch) => input.next(batch))
  const running = verb
    .open(working.task)(input)
    .subscribe(({ records, receipt }) => {
      out.push(...records)
      receipt.done()
    })
  const send = (name: string, records: readonly AnyRec[]) => take({ records, receipt: begin(name) })
  return { send, out, answered, close: () => running.unsubscribe() }
}

import type { Clock } from '../core/clock.js'
import type { RawRecord } from '../core/record.js'
import type { Receipt } from '../topology/operator.js'
import type { Failures } from './failures.js'
import type { Slice, TaskInput } from './input.js'
import type { Outbox } from './outbox.js'
import { DecodeError } from './source.js'

interface FailedHead {
  readonly input: TaskInput
  /** Of one record. */
  readonly slice: Slice
  readonly receipt: Receipt
}
interface HeadContext {
  readonly clock: Clock
  readonly failures: Failures
  readonly outbox: Outbox
  readonly signal: AbortSignal
}

/**
 * The head of an input did not decode, for one source of the topic or more: the policy says of each what becomes of it. `goOn`: all of
 * it has been answered for.
 */
export const answerHead = (head: FailedHead, context: HeadContext, goOn: () => void): void => {
  const { input, slice, receipt } = head
  const { clock, failures, outbox, signal } = context
  const [origin] = slice.raws as readonly [RawRecord]
  const answer = (s: number, attempt: number): void => {
    const decoded = slice.bySource[s]
    if (decoded === undefined) return goOn()
    const [failed] = decoded
    if (!(failed instanceof DecodeError)) return answer(s + 1, 1)
    const operator = input.labels[s] ?? ''
    const verdict = failures.handle({ stage: 'decode', operator, error: failed.error, origin, attempt, receipt, outbox })
    if (verdict._tag === 'stop') return
    if (verdict._tag === 'drop') {
      decoded[0] = null
      return answer(s + 1, 1)
    }
    const again = () => {
      if (signal.aborted) return
      decoded[0] = input.input.sources[s]?.decode(origin) ?? null
      answer(s, attempt + 1)
    }
    clock.after(verdict.afterMs, again, { waits: true })
  }
  answer(0, 1)
}

import { toError } from '../core/errors.js'
import { noHeaders, type KHeaders } from '../core/headers.js'
import { Rec, type RawRecord } from '../core/record.js'
import type { TaskContext, Verdict } from '../topology/operator.js'

/** What failed when it left: a record that had waited in a store, a timer. No batch brought it now. */
export interface FailedAside {
  readonly operator: string
  readonly error: unknown
  readonly attempt: number
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestamp: number
  readonly headers?: KHeaders
  /** Of the record whose coming let it go: that is where in the log it happened. */
  readonly at: Pick<RawRecord, 'topic' | 'partition' | 'offset'>
}

/**
 * Puts to the policy what no batch answers for; its dead letter has a receipt of its own. 'drop': it is answered for and must
 * not be tried again, or it would fail whatever comes next, for ever.
 */
export const failAside = (task: TaskContext, { operator, error, attempt, at, ...failed }: FailedAside): Verdict => {
  const receipt = task.extraReceipt()
  const { topic, partition, offset } = at
  const origin: RawRecord = { topic, partition, offset, headers: noHeaders, ...failed }
  const record = new Rec(failed.key, failed.value, failed.timestamp, null, origin)
  const verdict = task.fail({ stage: 'process', operator, error: toError(error), record, attempt, receipt })
  receipt.done()
  return verdict
}

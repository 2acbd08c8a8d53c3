import type { RawRecord } from '../core/record.js'
import type { Receipt } from '../topology/operator.js'
import type { Stage } from '../topology/policy.js'
import type { Outbox } from './outbox.js'

/** A record that could not be taken, as the runtime knows it; `Failure` is what the user's policies see of it. */
export interface FailedRecord {
  readonly stage: Stage
  readonly operator: string
  readonly error: Error
  readonly origin: RawRecord
  readonly attempt: number
  /** A dead letter holds a part of it until it is stored. */
  readonly receipt: Receipt
  /** Of the task, for its dead letter. */
  readonly outbox: Outbox
}

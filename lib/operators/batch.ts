import { Observable, type Subscriber } from 'rxjs'
import type { Timer } from '../core/clock.js'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import { plainRecord } from '../core/record.js'
import type { AnyRec, Batch, PerBatch, Receipt, TaskContext } from '../topology/operator.js'

interface Waiting {
  readonly record: AnyRec
  readonly receipt: Receipt
  /** The part of the receipt that is at hand goes with the last of its records. */
  readonly isLast: boolean
}

/** Records as lists: of `size` at most, none waiting longer than `within`; a commit that is due takes what is there. */
export const batch = (options: { readonly size: number; readonly within: Duration }): PerBatch => {
  const { size } = options
  if (!Number.isInteger(size) || size < 1)
    throw new MillraceError('MR_CONFIG', `batch: size is ${String(size)}, not a whole number above 0`)
  const withinMs = durationMs(options.within, 'batch: within')
  return {
    kind: 'per-batch',
    label: 'batch',
    answers: 'at any time',
    open: (task) => (batches) => new Observable((subscriber) => batches.subscribe(collect(task, size, withinMs, subscriber))),
  }
}

const collect = (task: TaskContext, size: number, withinMs: number, subscriber: Subscriber<Batch>) => {
  let waiting: Waiting[] = []
  let due: Timer | null = null
  const flush = () => {
    due?.cancel()
    due = null
    const taken = waiting
    waiting = []
    if (taken.length > 0 && !task.signal.aborted) subscriber.next({ records: [listOf(taken)], receipt: receiptOf(taken) })
  }
  task.onFlush(flush)
  return ({ records, receipt }: Batch) => {
    if (records.length === 0) return subscriber.next({ records, receipt })
    records.forEach((record, i) => {
      waiting.push({ record, receipt, isLast: i === records.length - 1 })
      if (waiting.length >= size) flush()
    })
    if (task.isDraining) flush()
    if (waiting.length > 0) due ??= task.clock.after(withinMs, flush, { background: true })
  }
}

/** Key, time and headers are those of the last. */
const listOf = (taken: readonly Waiting[]): AnyRec => {
  const { record: last } = taken[taken.length - 1] as Waiting
  return last.withValue(taken.map(({ record }) => plainRecord<unknown, unknown>(record)))
}

/** One receipt for a part of each; a batch that goes on in the next list is split. */
const receiptOf = (taken: readonly Waiting[]): Receipt => {
  const receipts: Receipt[] = []
  taken.forEach(({ receipt, isLast }, i) => {
    const isLastHere = isLast || i === taken.length - 1
    if (!isLastHere) return
    if (!isLast) receipt.hold(1)
    receipts.push(receipt)
  })
  return allOf(receipts)
}

const allOf = (receipts: readonly Receipt[]): Receipt => ({
  hold: (parts) => receipts.forEach((receipt) => receipt.hold(parts)),
  done: () => receipts.forEach((receipt) => receipt.done()),
  get outside() {
    return allOf(receipts.map(({ outside }) => outside))
  },
})

import { Observable, Subject, type OperatorFunction, type Subscriber, type Subscription } from 'rxjs'
import { MillraceError, toError } from '../core/errors.js'
import { plainRecord, Rec, type KRecord, type RawRecord } from '../core/record.js'
import type { AnyRec, Batch, PerBatch, TaskContext } from '../topology/operator.js'

type Operators = readonly OperatorFunction<unknown, unknown>[]

/**
 * RxJS operators inside the task, instantiated once per task: what they emit while a batch passes is part of that batch;
 * what they emit by themselves (a timer) rides with the next commit. What they hold is memory only.
 */
export const rx = (operators: Operators): PerBatch => ({
  kind: 'per-batch',
  label: 'rx',
  open: (task) => (batches) =>
    new Observable<Batch>((subscriber) => {
      const chain = new Chain(task, subscriber)
      const running = chain.run(operators)
      const feeding = batches.subscribe((batch) => chain.take(batch))
      return () => {
        feeding.unsubscribe()
        running.unsubscribe()
      }
    }),
})

class Chain {
  private readonly input = new Subject<unknown>()
  /** What has come out of the batch that passes; null between batches. */
  private passing: AnyRec[] | null = null
  private origin: RawRecord | null = null
  private hasEnded = false

  constructor(
    private readonly task: TaskContext,
    private readonly out: Subscriber<Batch>,
  ) {}

  run(operators: Operators): Subscription {
    const chain = operators.reduce((source: Observable<unknown>, operator) => operator(source), this.input)
    return chain.subscribe({
      next: (value) => this.emitted(value),
      error: (error: unknown) => this.end(brokenBy(error)),
      complete: () => this.end(new MillraceError('MR_RX_COMPLETED', 'the operators given to rx completed')),
    })
  }

  /** A batch during which the operators end stays unanswered: they have not taken all of it. */
  take(batch: Batch): void {
    const emitted: AnyRec[] = []
    this.passing = emitted
    for (const record of batch.records) {
      this.origin = record.origin
      this.input.next(plainRecord(record))
    }
    this.passing = null
    if (!this.hasEnded) this.out.next({ records: emitted, receipt: batch.receipt })
  }

  private emitted(value: unknown): void {
    if (this.hasEnded) return
    try {
      const record = toRec(value as KRecord<unknown, unknown>, this.origin)
      if (this.passing) this.passing.push(record)
      else if (this.task.isExactlyOnce)
        this.end(new MillraceError('MR_RX_ESCAPED', 'the operators given to rx emitted between two batches'))
      else this.out.next({ records: [record], receipt: this.task.extraReceipt() })
    } catch (thrown) {
      // RxJS would throw it at the process.
      this.end(brokenBy(thrown))
    }
  }

  /** Nothing can flow here any more, whatever a policy says. */
  private end(error: MillraceError): void {
    if (this.hasEnded) return
    this.hasEnded = true
    if (!this.task.signal.aborted) this.task.stop(error)
  }
}

/** What comes out knows no position of its own: it has that of the record that went in last, or before any did, what it says itself. */
const toRec = (record: KRecord<unknown, unknown>, origin: RawRecord | null): AnyRec => {
  const { key, value, timestamp, headers, topic, partition, offset } = record
  return new Rec(key, value, timestamp, headers, origin ?? { topic, partition, offset, timestamp, headers, key: null, value: null })
}

const brokenBy = (thrown: unknown): MillraceError =>
  new MillraceError('MR_RX_ERROR', `the operators given to rx ended with an error: ${toError(thrown).message}`, { cause: thrown })

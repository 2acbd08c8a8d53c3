import { Observable, Subject, type OperatorFunction } from 'rxjs'
import { MillraceError } from '../core/errors.js'
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
      const input = new Subject<unknown>()
      let passing: AnyRec[] | null = null
      let origin: RawRecord | null = null
      const chain = operators.reduce((source: Observable<unknown>, operator) => operator(source), input)
      const running = chain.subscribe({
        next: (value) => {
          if (origin === null) return
          const record = toRec(value as KRecord<unknown, unknown>, origin)
          if (passing) passing.push(record)
          else subscriber.next({ records: [record], receipt: task.extraReceipt() })
        },
        error: (error: unknown) =>
          stop(task, new MillraceError('MR_RX_ERROR', 'the operators given to rx ended with an error', { cause: error })),
        complete: () => {
          if (!task.signal.aborted) stop(task, new MillraceError('MR_RX_COMPLETED', 'the operators given to rx completed'))
        },
      })
      const feeding = batches.subscribe((batch) => {
        const emitted: AnyRec[] = []
        passing = emitted
        for (const record of batch.records) {
          origin = record.origin
          input.next(plainRecord(record))
        }
        passing = null
        subscriber.next({ records: emitted, receipt: batch.receipt })
      })
      return () => {
        feeding.unsubscribe()
        running.unsubscribe()
      }
    }),
})

/** What comes out knows no position of its own: it has that of the record that went in last. */
const toRec = (record: KRecord<unknown, unknown>, origin: RawRecord): AnyRec =>
  new Rec(record.key, record.value, record.timestamp, record.headers, origin)

/** The operators have ended: nothing can flow here any more, whatever a policy says. */
const stop = (task: TaskContext, error: MillraceError): void => task.stop(error)

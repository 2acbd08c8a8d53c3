import { Observable } from 'rxjs'
import { toError } from '../core/errors.js'
import type { Fn } from '../core/record.js'
import type { Batch, PerBatch, TaskContext } from '../topology/operator.js'
import { inTurn } from './in-turn.js'
import { settleFailure } from './settle-failure.js'

/**
 * Calls `f` for each record, one after the other; waits for its promise before the next.
 * The batch is answered for when all have settled.
 */
export const each = <K, V>(f: Fn<K, V, void | Promise<void>>): PerBatch => ({
  kind: 'per-batch',
  label: 'each',
  open: (task) => (batches) =>
    new Observable((subscriber) => {
      const work = inTurn<Batch>(async (batch) => {
        if (await callAll(task, f, batch)) subscriber.next({ records: [], receipt: batch.receipt })
      })
      return batches.subscribe(work)
    }),
})

/** False: the app is stopping, and the batch stays unanswered. */
const callAll = async <K, V>(task: TaskContext, f: Fn<K, V, void | Promise<void>>, batch: Batch): Promise<boolean> => {
  let attempt = 1
  for (let i = 0; i < batch.records.length;) {
    const record = batch.records[i]
    if (record === undefined || task.signal.aborted) return false
    let verdict: 'retry' | 'drop' | 'stop' = 'drop'
    try {
      const result = f(record.value, record)
      if (result !== undefined) await result
    } catch (thrown) {
      verdict = await settleFailure(task, {
        stage: 'sink',
        operator: 'each',
        error: toError(thrown),
        record,
        attempt,
        receipt: batch.receipt,
      })
    }
    if (verdict === 'stop') return false
    attempt = verdict === 'retry' ? attempt + 1 : 1
    if (verdict === 'drop') i++
  }
  return true
}

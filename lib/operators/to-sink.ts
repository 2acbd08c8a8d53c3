import { Observable, type Subscriber } from 'rxjs'
import type { Timer } from '../core/clock.js'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError, toError } from '../core/errors.js'
import { plainRecord, type KRecord } from '../core/record.js'
import type { AnyRec, Batch, PerBatch, TaskContext } from '../topology/operator.js'
import { inTurn } from './in-turn.js'
import { settleFailure } from './settle-failure.js'

/**
 * Anything that takes records in batches: a database, an index, a file.
 * @since 0.1.0
 */
export interface BatchSink<in K, in V> {
  readonly name: string
  /** Records a write, at most. Default 1000. */
  readonly size?: number | undefined
  /** How long the first of a batch may wait for others. Default '1s'. */
  readonly within?: Duration | undefined
  /** The offsets wait for the promise. A rejection goes to the error policy, stage `sink`, for each of the records. */
  write(records: readonly KRecord<K, V>[], signal: AbortSignal): Promise<void>
}

interface Waiting {
  readonly record: AnyRec
  readonly batch: Batch
  /** The batch's receipt goes on with the last of its records. */
  readonly isLast: boolean
}

/** Writes are one at a time, in order; a commit that is due takes what is there. */
export const toSink = <K, V>(sink: BatchSink<K, V>): PerBatch => {
  const size = sink.size ?? 1000
  if (!Number.isInteger(size) || size < 1)
    throw new MillraceError('MR_CONFIG', `size of sink ${sink.name} is ${String(size)}, not a whole number above 0`)
  const withinMs = durationMs(sink.within ?? '1s', `within of sink ${sink.name}`)
  return {
    kind: 'per-batch',
    label: sink.name,
    open: (task) => (batches) => new Observable((subscriber) => batches.subscribe(collect(task, sink, size, withinMs, subscriber))),
  }
}

const collect = <K, V>(task: TaskContext, sink: BatchSink<K, V>, size: number, withinMs: number, subscriber: Subscriber<Batch>) => {
  let waiting: Waiting[] = []
  let due: Timer | null = null
  const write = inTurn<readonly Waiting[]>(async (taken) => {
    if (!(await writeAll(task, sink, taken))) return
    for (const { batch, isLast } of taken) if (isLast) subscriber.next({ records: [], receipt: batch.receipt })
  })
  const flush = () => {
    due?.cancel()
    due = null
    if (waiting.length === 0) return
    write(waiting)
    waiting = []
  }
  task.onFlush(flush)
  return (batch: Batch) => {
    if (batch.records.length === 0) return subscriber.next(batch)
    batch.records.forEach((record, i) => {
      waiting.push({ record, batch, isLast: i === batch.records.length - 1 })
      if (waiting.length >= size) flush()
    })
    if (task.isDraining) flush()
    if (waiting.length > 0) due ??= task.clock.after(withinMs, flush, { background: true })
  }
}

/**
 * Nobody knows which record of a rejected write was to blame, so each is put to the policy: what it drops is answered for,
 * and a retry writes again what is left.
 */
const writeAll = async <K, V>(task: TaskContext, sink: BatchSink<K, V>, taken: readonly Waiting[]): Promise<boolean> => {
  let left = taken
  for (let attempt = 1; !task.signal.aborted; attempt++) {
    try {
      const records = left.map(({ record }) => plainRecord<K, V>(record))
      await sink.write(records, task.signal)
      return true
    } catch (thrown) {
      const error = toError(thrown)
      let dropped = 0
      let verdict: 'retry' | 'drop' | 'stop' = 'drop'
      for (const { record, batch } of left) {
        verdict = await settleFailure(task, { stage: 'sink', operator: sink.name, error, record, attempt, receipt: batch.receipt })
        if (verdict !== 'drop') break
        dropped++
      }
      if (verdict !== 'retry') return verdict === 'drop'
      left = left.slice(dropped)
    }
  }
  return false
}

import { Observable, type Subscriber } from 'rxjs'
import type { Timer } from '../core/clock.js'
import { toError } from '../core/errors.js'
import type { AnyRec, Batch, PerBatch, TaskContext } from '../topology/operator.js'
import { Processing, type ProcessSpec } from './process.js'

/** A processor: batches as they come, and between them the wall timers that are due, which ride with the next commit. */
export const processWith = (spec: ProcessSpec): PerBatch => ({
  kind: 'per-batch',
  label: spec.processor.name,
  open: (task) => (batches) =>
    new Observable((subscriber) => {
      const processor = new OpenProcessor(task, spec, subscriber)
      const feeding = batches.subscribe(processor.take)
      processor.wake()
      return () => {
        processor.sleep()
        feeding.unsubscribe()
      }
    }),
})

/** As far as timers of a runtime reach; a later one is looked at again then. */
const longestSleepMs = 2 ** 31 - 1

class OpenProcessor {
  private readonly processing: Processing
  private alarm: { readonly at: number | 'retry'; readonly timer: Timer } | null = null
  private isStopped = false

  constructor(
    private readonly task: TaskContext,
    private readonly spec: ProcessSpec,
    private readonly out: Subscriber<Batch>,
  ) {
    this.processing = new Processing(task, spec)
    task.signal.addEventListener('abort', () => this.sleep(), { once: true })
  }

  readonly take = (batch: Batch): void => {
    this.work(batch, [], 0, 1)
  }

  private work(batch: Batch, records: AnyRec[], from: number, attempt: number): void {
    for (let i = from; i < batch.records.length; i++, attempt = 1) {
      if (this.isStopped || this.task.signal.aborted) return
      const record = batch.records[i] as AnyRec
      const error = this.attempt(record, records)
      if (error === null) continue
      const operator = this.spec.processor.name
      const verdict = this.task.fail({ stage: 'process', operator, error, record, attempt, receipt: batch.receipt })
      if (verdict._tag === 'stop') return void (this.isStopped = true)
      if (verdict._tag === 'retry') return this.wait(verdict.afterMs, () => this.work(batch, records, i, attempt + 1))
    }
    this.wake()
    this.out.next({ records, receipt: batch.receipt })
  }

  private wait(afterMs: number, again: () => void): void {
    const release = this.task.hold()
    this.task.clock.after(afterMs, () => release(again), { waits: true })
  }

  private attempt(record: AnyRec, records: AnyRec[]): Error | null {
    const mark = records.length
    try {
      this.processing.take(record, (one) => records.push(one))
      return null
    } catch (thrown) {
      records.length = mark
      return toError(thrown)
    }
  }

  /* ------------------------------------------------------------- wall timers */

  /** Looks when the next one is due. */
  wake(): void {
    const next = this.processing.timers.next('wall')
    if (this.alarm?.at === 'retry' || next?.at === this.alarm?.at) return
    this.sleep()
    if (next === undefined || this.isStopped || this.task.signal.aborted) return
    const delayMs = Math.min(longestSleepMs, Math.max(0, next.at - this.task.clock.now()))
    this.alarm = { at: next.at, timer: this.task.clock.after(delayMs, () => this.ring(), { background: true }) }
  }

  sleep(): void {
    this.alarm?.timer.cancel()
    this.alarm = null
  }

  /** It keeps its place as the alarm until it is its turn: no other is set meanwhile. */
  private ring(): void {
    this.task.whenFree(() => this.fire())
  }

  private fire(): void {
    this.alarm = null
    if (this.isStopped || this.task.signal.aborted) return
    const records: AnyRec[] = []
    const receipt = this.task.extraReceipt()
    try {
      this.processing.fireWall(this.task.clock.now(), (one) => records.push(one))
      this.wake()
    } catch {
      // Put to the policy already.
      records.length = 0
      this.tryAgain()
    }
    this.out.next({ records, receipt })
  }

  /** Without a time to try again the app is failing. */
  private tryAgain(): void {
    const { retryAfterMs } = this.processing
    if (retryAfterMs === null) this.isStopped = true
    else this.alarm = { at: 'retry', timer: this.task.clock.after(retryAfterMs, () => this.ring(), { waits: true }) }
  }
}

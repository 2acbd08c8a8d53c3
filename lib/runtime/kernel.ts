import { toError } from '../core/errors.js'
import type { AnyRec, Batch, Emit, IdleStep, Receipt, TaskContext, Unfinished } from '../topology/operator.js'
import type { Outlet } from './outlet.js'

/** A verb of a run, opened: given where its results go, one place per branch, it gives where its records come in. */
export interface RunStep extends Unfinished {
  readonly label: string
  /** Of the last step only. */
  readonly idle?: IdleStep | undefined
  readonly connect: (next: readonly Emit[]) => Emit
}

/**
 * Consecutive verbs fused into one loop: a batch goes in, one batch per branch comes out.
 * This is the one place where the lambdas of these verbs are called, and so the one where they are guarded: a failure takes
 * back all that its record had given in this run, then the policy decides.
 */
export class Run {
  private readonly entry: Emit
  private outs: AnyRec[][]
  /** Index of the verb at work: whose failure it is. */
  private at = 0
  /** Of the last step, the only one that may work in pieces. */
  private readonly isUnfinished: (() => boolean) | undefined
  /** The app is failing: what comes after the record that failed it must not leave either. */
  private isOver = false

  constructor(
    private readonly task: TaskContext,
    private readonly steps: readonly RunStep[],
    private readonly outlets: readonly Outlet[],
  ) {
    this.outs = outlets.map(() => [])
    this.isUnfinished = steps.at(-1)?.isUnfinished
    const exits = this.exits()
    const idle = steps.at(-1)?.idle
    if (idle)
      task.onIdle(idle.afterMs, (forMs) => {
        if (!this.isOver) this.idle(() => idle.move(forMs, exits), task.extraReceipt())
      })
    this.entry = steps.reduceRight<readonly Emit[]>((next, step, i) => [this.marked(step.connect(next), i)], exits)[0] as Emit
  }

  take(batch: Batch): void {
    if (!this.isOver) this.work(batch, 0, 1)
  }

  /** No record is at hand, so no policy has anything to say of a failure. */
  private idle(move: () => void, receipt: Receipt): void {
    try {
      move()
    } catch (thrown) {
      this.isOver = true
      return this.task.stop(toError(thrown))
    }
    if (this.isUnfinished?.()) return this.goOn(receipt, () => this.idle(move, receipt))
    this.finish(receipt)
  }

  private marked(take: Emit, index: number): Emit {
    return (record) => {
      this.at = index
      take(record)
      this.at = index - 1
    }
  }

  private exits(): readonly Emit[] {
    return this.outlets.map((outlet, branch): Emit => (record) => {
      if (outlet.isHeard) this.outs[branch]?.push(record)
    })
  }

  private work(batch: Batch, from: number, attempt: number): void {
    const { records } = batch
    const marks = this.outs.map((out) => out.length)
    for (let i = from; i < records.length; i++) {
      const record = records[i] as AnyRec
      try {
        this.entry(record)
        for (let b = 0; b < marks.length; b++) marks[b] = (this.outs[b] as AnyRec[]).length
        attempt = 1
      } catch (thrown) {
        this.outs.forEach((out, b) => (out.length = marks[b] ?? 0))
        const operator = this.steps[this.at]?.label ?? ''
        const verdict = this.task.fail({ stage: 'process', operator, error: toError(thrown), record, attempt, receipt: batch.receipt })
        if (verdict._tag === 'stop') return void (this.isOver = true)
        if (verdict._tag === 'retry') return this.wait(verdict.afterMs, () => this.work(batch, i, attempt + 1))
        attempt = 1
        continue
      }
      if (this.isUnfinished?.()) return this.goOn(batch.receipt, () => this.work(batch, i, 1))
    }
    this.finish(batch.receipt)
  }

  private finish(receipt: Receipt): void {
    const outs = this.takeOuts()
    if (outs.length > 1) receipt.hold(outs.length - 1)
    for (let b = 0; b < outs.length; b++) this.outlets[b]?.send({ records: outs[b] as AnyRec[], receipt })
  }

  private takeOuts(): AnyRec[][] {
    const { outs } = this
    this.outs = this.outlets.map(() => [])
    return outs
  }

  /** Hands on what there is, as a part of the answer; heartbeats, fetches and other tasks have their turn before the next piece. */
  private goOn(receipt: Receipt, again: () => void): void {
    this.takeOuts().forEach((records, b) => {
      if (records.length === 0) return
      receipt.hold(1)
      this.outlets[b]?.send({ records, receipt })
    })
    // What has been handed on may have to wait for something first.
    this.task.whenFree(() => {
      const release = this.task.hold()
      setImmediate(() => release(again))
    })
  }

  /** Retried in place. */
  private wait(afterMs: number, again: () => void): void {
    const release = this.task.hold()
    this.task.clock.after(afterMs, () => release(again), { waits: true })
  }
}

import { noHeaders } from '../core/headers.js'
import { Rec } from '../core/record.js'
import type { AnyRec, Emit, IdleStep } from '../topology/operator.js'

/** A verb whose stream time the wall clock may move: `closeAfterIdle`. */
interface Movable {
  readonly partition: number
  /** -1 before the first record: then there is nothing to move. */
  readonly streamTime: number
  /** To that time, which may be the one there is. No record has brought it about; `trigger` stands for it. */
  passTo(time: number, trigger: AnyRec, emit: Emit): void
}

/** The wall clock moves stream time on, by as much as has passed since the inputs were at their ends. */
export class IdleTime {
  /** Stream time when the last record had come; null: none since the wall clock has moved it. */
  private from: number | null = null
  readonly step: IdleStep | undefined

  constructor(
    afterMs: number | null,
    private readonly of: Movable,
  ) {
    this.step = afterMs === null ? undefined : { afterMs, move: (forMs, [emit = nowhere]) => this.pass(forMs, emit) }
  }

  /** A record has come. */
  end(): void {
    this.from = null
  }

  private pass(forMs: number, emit: Emit): void {
    const { streamTime, partition } = this.of
    if (streamTime < 0) return
    this.from ??= streamTime
    const time = Math.max(streamTime, Math.floor(this.from + forMs))
    this.of.passTo(time, ofNoRecord(partition, time), emit)
  }
}

const nowhere: Emit = () => undefined

const ofNoRecord = (partition: number, timestamp: number): AnyRec =>
  new Rec(null, null, timestamp, null, { topic: '', partition, offset: -1, timestamp, key: null, value: null, headers: noHeaders })

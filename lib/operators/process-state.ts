import type { Codec } from '../core/codec.js'
import type { Entry, KeyedStore, StoreSpec, TaskContext } from '../topology/operator.js'
import { Expiring, mostAtOnce } from './expiring.js'
import { setUndoably, type Undo } from './undo.js'

/** How far the processor is, for whoever reads or writes. */
export interface Moment {
  /** When an entry is written, in event time: of the record or timer at hand. */
  readonly time: number
  /** The largest event time, the record at hand included. */
  readonly streamTime: number
  /** The same before the record at hand. */
  readonly timeBefore: number
  /** Of the event timer at hand. */
  readonly timerAt: number | null
}

/**
 * A store of a processor. With a `ttl` an entry is as old as stream time was when it was written, so what is set is there to be
 * read; a timer sees what there was at its own time, also when a jump of time has made both due.
 */
export class ProcessorState {
  private readonly store: KeyedStore<unknown, unknown>
  private readonly expiring: Expiring<unknown, unknown> | null

  constructor(
    task: TaskContext,
    private readonly spec: StoreSpec<unknown, unknown>,
    private readonly undo: Undo,
    private readonly moment: Moment,
  ) {
    this.store = task.store(spec)
    this.expiring = spec.ttlMs === undefined ? null : new Expiring(this.store, spec.ttlMs, spec.key)
  }

  get(key: unknown): unknown {
    const row = this.store.get(key)
    return row === undefined || this.isGone(row) ? undefined : row.value
  }

  set(key: unknown, value: unknown): void {
    const { store, undo, expiring } = this
    const { time, streamTime } = this.moment
    if (expiring === null) return setUndoably(store, undo, key, value, time)
    const timestamp = Math.max(0, streamTime)
    const before = store.get(key)
    setUndoably(store, undo, key, value, timestamp)
    expiring.written(key, before, timestamp)
  }

  delete(key: unknown): void {
    setUndoably(this.store, this.undo, key, undefined, this.moment.time)
  }

  *entries({ from, to }: { readonly from?: unknown; readonly to?: unknown } = {}): Generator<readonly [unknown, unknown]> {
    const range = {
      ...(from !== undefined && { from: bytesOf(this.spec.key, from) }),
      ...(to !== undefined && { to: bytesOf(this.spec.key, to) }),
    }
    for (const [key, row] of this.store.entries(range)) if (!this.isGone(row)) yield [key, row.value]
  }

  /** When a record is done with. */
  expire(streamTime: number): void {
    const { expiring } = this
    if (expiring === null) return
    for (let left = mostAtOnce; left > 0 && expiring.isDue(streamTime); left--) expiring.takeOne()
  }

  private isGone({ timestamp }: Entry<unknown>): boolean {
    const { ttlMs } = this.spec
    if (ttlMs === undefined) return false
    const { timeBefore, timerAt, streamTime } = this.moment
    const deadline = timestamp + ttlMs
    return deadline <= timeBefore || (timerAt === null ? deadline <= streamTime : deadline < timerAt)
  }
}

const bytesOf = (codec: Codec<unknown>, key: unknown): Uint8Array => codec.encode(key) ?? Buffer.alloc(0)

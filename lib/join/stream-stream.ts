import { none, some, type Option } from 'fp-ts/lib/Option.js'
import * as These from 'fp-ts/lib/These.js'
import { codec, type Codec } from '../core/codec.js'
import { headersOf } from '../core/headers.js'
import { Rec, type Meta } from '../core/record.js'
import { perRecord, settled } from '../operators/per-record.js'
import { failAside } from '../operators/set-aside.js'
import { isAbsent } from '../table/row.js'
import type { AnyRec, Emit, PerRecord, Step, StoreSpec, TaskContext } from '../topology/operator.js'
import { IdleTime } from '../window/idle-time.js'
import { DueRecords, type Due } from './due-records.js'
import { headerPairs } from './header-pairs.js'
import { JoinBuffer } from './join-buffer.js'
import { keyTexts, type KeyTexts } from './key-texts.js'
import { waitingCodec, type Waiting } from './waiting-codec.js'

/** All in ms: the right record's time is within [left - before, left + after]. */
export interface JoinBounds {
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
  /** Null: the wall clock moves nothing. */
  readonly closeAfterIdleMs: number | null
}

export type StreamJoiner<K, V, W, R> =
  | { readonly kind: 'inner'; readonly join: (left: V, right: W, meta: Meta<K>) => R }
  | { readonly kind: 'left'; readonly join: (left: V, right: Option<W>, meta: Meta<K>) => R }
  | { readonly kind: 'outer'; readonly join: (sides: These.These<V, W>, meta: Meta<K>) => R }

export type Side = 'left' | 'right'
class Sided {
  constructor(
    readonly side: Side,
    readonly value: unknown,
    /** As `valueReadWith` gives them. */
    readonly bytes: Buffer | null | undefined,
  ) {}
}

/** Says which side a record is of, before both flow into one. A stream joined with itself gives each record twice. */
export const sided = (label: string, sides: readonly Side[], values: Codec<unknown>): PerRecord =>
  perRecord(label, (record, emit) => {
    const bytes = record.valueReadWith(values) // before anybody looks at the value
    for (const side of sides) emit(record.withValue(new Sided(side, record.value, bytes)))
  })

export const bufferSpec = (name: string, key: Codec<unknown>, value: Codec<unknown>): BufferSpec => ({
  keys: key,
  values: value,
  // A row is mostly read soon, or never: to keep it decoded is what a large buffer would mostly take.
  spec: Object.freeze({ name, key: codec.number, value: waitingCodec(value), kind: 'lmdb', cached: 4096 }),
})
export interface BufferSpec {
  readonly keys: Codec<unknown>
  readonly values: Codec<unknown>
  readonly spec: StoreSpec<number, Waiting<unknown>>
}

interface StreamJoinOptions<K, V, W, R> {
  readonly label: string
  readonly bounds: JoinBounds
  readonly joiner: StreamJoiner<K, V, W, R>
  readonly left: BufferSpec
  readonly right: BufferSpec
}

/**
 * Joins two streams whose records are `sided`. Either side probes what the buffer of the other holds; stream time is the
 * largest of both. Lambdas come before the first write: when one throws, nothing of its record has happened.
 */
export const joinStreams = <K, V, W, R>(options: StreamJoinOptions<K, V, W, R>): PerRecord => ({
  kind: 'per-record',
  label: options.label,
  writes: true,
  inPieces: true,
  open: (task) => {
    const join = new StreamJoin(task, options)
    const step: Step = (record, emit) => join.take(record, emit)
    return Object.assign(step, { idle: join.idle.step, isUnfinished: () => join.isUnfinished })
  },
})

/** The joiner by what there is. Null: records of that side never leave unmatched. */
interface Results<K, V, W, R> {
  readonly both: (left: V, right: W, meta: Meta<K>) => R
  readonly left: ((left: V, meta: Meta<K>) => R) | null
  readonly right: ((right: W, meta: Meta<K>) => R) | null
}

const resultsOf = <K, V, W, R>(joiner: StreamJoiner<K, V, W, R>): Results<K, V, W, R> => {
  switch (joiner.kind) {
    case 'inner':
      return { both: joiner.join, left: null, right: null }
    case 'left': {
      const { join } = joiner
      return { both: (l, r, meta) => join(l, some(r), meta), left: (l, meta) => join(l, none, meta), right: null }
    }
    case 'outer': {
      const { join } = joiner
      return {
        both: (l, r, meta) => join(These.both(l, r), meta),
        left: (l, meta) => join(These.left(l), meta),
        right: (r, meta) => join(These.right(r), meta),
      }
    }
  }
}

/** One side of the join, opened. */
interface Opened {
  readonly side: Side
  readonly values: Codec<unknown>
  readonly buffer: JoinBuffer<unknown>
}

class StreamJoin<K, V, W, R> {
  readonly idle: IdleTime
  private readonly label: string
  private readonly bounds: JoinBounds
  private readonly results: Results<K, V, W, R>
  private readonly keys: KeyTexts<unknown>
  private readonly left: Opened
  private readonly right: Opened
  private readonly due: DueRecords<Opened>
  /** More is due than leaves at once; the record that has made it due comes after it. */
  isUnfinished = false
  /** Of the record at hand: the places of what it meets. */
  private readonly matches: number[] = []

  constructor(
    private readonly task: TaskContext,
    { label, bounds, joiner, left, right }: StreamJoinOptions<K, V, W, R>,
  ) {
    const { beforeMs, afterMs, graceMs } = bounds
    const retentionMs = beforeMs + afterMs + graceMs
    const opened = (side: Side, { spec, values }: BufferSpec, parkMs: number): Opened => ({
      side,
      values,
      buffer: new JoinBuffer(task.store(spec), retentionMs, parkMs),
    })
    this.label = label
    this.bounds = bounds
    this.keys = keyTexts(left.keys)
    this.results = resultsOf(joiner)
    this.left = opened('left', left, afterMs + graceMs)
    this.right = opened('right', right, beforeMs + graceMs)
    this.due = new DueRecords([...(this.results.right ? [this.right] : []), ...(this.results.left ? [this.left] : [])])
    this.idle = new IdleTime(bounds.closeAfterIdleMs, this)
  }

  get partition(): number {
    return this.task.partition
  }

  /** One over both sides. */
  get streamTime(): number {
    return Math.max(this.left.buffer.time, this.right.buffer.time)
  }

  /** The wall clock speaks for both sides. What could not leave is tried again when it next comes by. */
  passTo(time: number, trigger: AnyRec, emit: Emit): void {
    if (time <= this.streamTime) return
    this.isUnfinished = false
    const results: AnyRec[] = []
    let told: readonly Due<Opened>[]
    try {
      told = this.tell(this.due.by(time), trigger, (result) => void results.push(result))
    } catch {
      return // put to the policy already
    }
    this.isUnfinished = this.due.hasMore
    this.due.leave(told)
    if (!this.isUnfinished) {
      this.left.buffer.advanceTo(time)
      this.right.buffer.advanceTo(time)
    }
    for (const result of results) emit(result)
  }

  take(record: AnyRec, emit: Emit): void {
    const sided: Sided = record.value
    const { side, value } = sided
    this.isUnfinished = false
    if (isAbsent(value)) return this.task.dropped(this.label, 'null-value')
    const id = isAbsent(record.key) ? null : this.keys.textOf(record.key)
    if (id !== null) this.join(record, sided, id, emit)
    else if (this.results[side] === null) this.task.dropped(this.label, 'null-key')
    else emit(this.unmatched(side, value, record))
  }

  private join(record: AnyRec, { side, value, bytes }: Sided, id: string, emit: Emit): void {
    const own = side === 'left' ? this.left : this.right
    const other = side === 'left' ? this.right : this.left
    const time = record.timestamp
    this.idle.end()
    const streamTime = Math.max(this.streamTime, time)
    const told = this.tell(this.due.by(streamTime), record, emit)
    if (this.due.hasMore) {
      this.isUnfinished = true
      return this.due.leave(told)
    }
    const matches = this.matching(side, other, id, time)
    for (let i = 0; i < matches.length; i++) emit(this.pair(side, value, other.buffer.rowOf(matches[i] as number), record))
    const waits = matches.length === 0 && this.results[side] !== null
    const isParked = waits && !own.buffer.isDue(time, streamTime)
    if (waits && !isParked) emit(this.unmatched(side, value, record))

    const isBuffered = own.buffer.keeps(time, Math.max(own.buffer.time, time))
    const parkedHeaders = isParked ? headerPairs(record.headers) : null
    if (isBuffered || isParked) own.buffer.add({ time, id, value, bytes: ownBytes(own.values, value, bytes), isBuffered, parkedHeaders })
    this.due.leave(told)
    for (let i = 0; i < matches.length; i++) if (other.buffer.isParked(matches[i] as number)) other.buffer.unpark(matches[i] as number)
    own.buffer.advanceTo(time)
  }

  private matching(side: Side, { buffer }: Opened, id: string, time: number): readonly number[] {
    const { matches } = this
    const { beforeMs, afterMs } = this.bounds
    matches.length = 0
    if (side === 'left') buffer.matching(id, time - beforeMs, time + afterMs, matches)
    else buffer.matching(id, time - afterMs, time + beforeMs, matches)
    return matches
  }

  /** The results of what is due; gives those that have one. */
  private tell(due: readonly Due<Opened>[], trigger: AnyRec, emit: Emit): readonly Due<Opened>[] {
    if (due.length === 0) return due
    return due.filter((one) => {
      const result = this.leaving(one, trigger)
      if (result !== null) emit(result)
      return result !== null
    })
  }

  /** Null: it could not leave, and the policy has answered for it. */
  private leaving({ of, place }: Due<Opened>, trigger: AnyRec): AnyRec | null {
    const row = of.buffer.rowOf(place)
    const { value, time, bytes } = row
    const record = new Rec(this.keys.keyOf(row.id), value, time, headersOf(row.headers ?? []), trigger.origin)
    try {
      return this.unmatched(of.side, value, record)
    } catch (error) {
      const { operator, attempt } = { operator: this.label, attempt: of.buffer.failedAgain(place) }
      const failed = { operator, error, attempt, key: Buffer.from(row.id, 'latin1'), value: bytes, timestamp: time }
      const verdict = failAside(this.task, { ...failed, headers: record.headers, at: trigger })
      if (verdict._tag !== 'drop') throw error
      of.buffer.unpark(place)
      return null
    }
  }

  private unmatched(side: Side, value: unknown, record: AnyRec): AnyRec {
    const { left, right } = this.results
    // The DSL has typed the two sides; what is buffered is what came.
    const result = side === 'left' ? left?.(value as V, record) : right?.(value as W, record)
    return record.withValue(settled(result, this.label))
  }

  private pair(side: Side, value: unknown, match: Waiting<unknown>, record: AnyRec): AnyRec {
    const [left, right] = side === 'left' ? [value, match.value] : [match.value, value]
    const meta = match.time > record.timestamp ? record.withTimestamp(match.time) : record
    // As above.
    return meta.withValue(settled(this.results.both(left as V, right as W, meta), this.label))
  }
}

/** A copy of those of the batch, or what the codec makes. */
const ownBytes = (values: Codec<unknown>, value: unknown, read: Buffer | null | undefined): Buffer | null => {
  const bytes = read === undefined ? values.encode(value) : read
  return bytes && Buffer.from(bytes)
}

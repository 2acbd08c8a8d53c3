import { none, some, type Option } from 'fp-ts/lib/Option.js'
import * as These from 'fp-ts/lib/These.js'
import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { headersOf } from '../core/headers.js'
import { Rec, type Meta } from '../core/record.js'
import { perRecord, settled } from '../operators/per-record.js'
import { failAside } from '../operators/set-aside.js'
import { isAbsent } from '../table/row.js'
import type { AnyRec, Emit, PerRecord, StoreSpec, TaskContext } from '../topology/operator.js'
import { bufferedCodec, bufferKeyCodec, headerPairs, type Buffered, type BufferKey } from './buffered-codec.js'
import { idOf, JoinBuffer, type Held } from './join-buffer.js'

/** All in ms: the right record's time is within [left - before, left + after]. */
export interface JoinBounds {
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
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
  ) {}
}

/** Says which side a record is of, before both flow into one. A stream joined with itself gives each record twice. */
export const sided = (label: string, sides: readonly Side[]): PerRecord =>
  perRecord(label, (record, emit) => {
    for (const side of sides) emit(record.withValue(new Sided(side, record.value)))
  })

export const bufferSpec = (name: string, key: Codec<unknown>, value: Codec<unknown>): BufferSpec => ({
  keys: key,
  values: value,
  spec: Object.freeze({ name, key: bufferKeyCodec, value: bufferedCodec(value), kind: 'lmdb' }),
})
export interface BufferSpec {
  readonly keys: Codec<unknown>
  readonly values: Codec<unknown>
  readonly spec: StoreSpec<BufferKey, Buffered<unknown>>
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
  open: (task) => {
    const join = new StreamJoin(task, options)
    return (record, emit) => join.take(record, emit)
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

interface Due {
  readonly side: Side
  readonly held: Held<unknown>
}

class StreamJoin<K, V, W, R> {
  private readonly label: string
  private readonly bounds: JoinBounds
  private readonly results: Results<K, V, W, R>
  private readonly buffers: { readonly [S in Side]: JoinBuffer<unknown, unknown> }
  private readonly specs: { readonly [S in Side]: BufferSpec }

  constructor(
    private readonly task: TaskContext,
    { label, bounds, joiner, left, right }: StreamJoinOptions<K, V, W, R>,
  ) {
    const { beforeMs, afterMs, graceMs } = bounds
    const retentionMs = beforeMs + afterMs + graceMs
    this.label = label
    this.bounds = bounds
    this.specs = { left, right }
    this.results = resultsOf(joiner)
    this.buffers = {
      left: new JoinBuffer(task.store(left.spec), left.keys, retentionMs, afterMs + graceMs),
      right: new JoinBuffer(task.store(right.spec), right.keys, retentionMs, beforeMs + graceMs),
    }
  }

  take(record: AnyRec, emit: Emit): void {
    const { side, value }: Sided = record.value
    if (isAbsent(value)) return this.task.dropped(this.label, 'null-value')
    const bytes: Uint8Array | null = isAbsent(record.key) ? null : this.specs.left.keys.encode(record.key)
    if (bytes !== null) return this.join(record, side, value, Buffer.from(bytes), emit)
    if (this.results[side] === null) this.task.dropped(this.label, 'null-key')
    else emit(this.unmatched(side, value, record))
  }

  private join(record: AnyRec, side: Side, value: unknown, key: Buffer, emit: Emit): void {
    const [own, other] = side === 'left' ? [this.buffers.left, this.buffers.right] : [this.buffers.right, this.buffers.left]
    const time = record.timestamp
    const streamTime = Math.max(own.time, other.time, time)
    const id = idOf(key)
    const out: AnyRec[] = []
    const due = this.leave(streamTime, record, out)
    const matches = this.matching(side, other, id, time)
    for (const match of matches) out.push(this.pair(side, value, match, other, record))
    const waits = matches.length === 0 && this.results[side] !== null
    const isParked = waits && !own.isDue(time, streamTime)
    if (waits && !isParked) out.push(this.unmatched(side, value, record))

    const isBuffered = own.keeps(time, Math.max(own.time, time))
    const parkedHeaders = isParked ? headerPairs(record.headers) : null
    if (isBuffered || isParked) own.add({ time, originalKey: record.key, key, id, value, isBuffered, parkedHeaders })
    for (const { side: of, held } of due) this.buffers[of].unpark(held)
    for (const match of matches) if (match.isParked) other.unpark(match)
    own.advanceTo(time)
    for (const result of out) emit(result)
  }

  private matching(side: Side, other: JoinBuffer<unknown, unknown>, id: string, time: number): readonly Held<unknown>[] {
    const { beforeMs, afterMs } = this.bounds
    return side === 'left' ? other.matching(id, time - beforeMs, time + afterMs) : other.matching(id, time - afterMs, time + beforeMs)
  }

  /** The results of what is due; the order is by time, right before left, key. */
  private leave(streamTime: number, trigger: AnyRec, out: AnyRec[]): readonly Due[] {
    const lefts = this.results.left === null ? [] : this.buffers.left.dueBy(streamTime)
    const rights = this.results.right === null ? [] : this.buffers.right.dueBy(streamTime)
    if (lefts.length === 0 && rights.length === 0) return []
    const due = [...rights.map((held): Due => ({ side: 'right', held })), ...lefts.map((held): Due => ({ side: 'left', held }))].sort(
      byOrder,
    )
    return due.filter((one) => {
      const result = this.left(one, trigger)
      if (result !== null) out.push(result)
      return result !== null
    })
  }

  /** Null: it could not leave, and the policy has answered for it. */
  private left({ side, held }: Due, trigger: AnyRec): AnyRec | null {
    const buffer = this.buffers[side]
    const { value, headers } = buffer.rowOf(held)
    const record = new Rec(held.originalKey, value, held.time, headersOf(headers ?? []), trigger.origin)
    try {
      return this.unmatched(side, value, record)
    } catch (error) {
      const bytes = this.specs[side].values.encode(value)
      const { operator, attempt } = { operator: this.label, attempt: ++held.attempts }
      const failed = { operator, error, attempt, key: held.key, value: bytes && asBuffer(bytes), timestamp: held.time }
      const verdict = failAside(this.task, { ...failed, headers: record.headers, at: trigger })
      if (verdict._tag !== 'drop') throw error
      buffer.unpark(held)
      return null
    }
  }

  private unmatched(side: Side, value: unknown, record: AnyRec): AnyRec {
    const { left, right } = this.results
    // The DSL has typed the two sides; what is buffered is what came.
    const result = side === 'left' ? left?.(value as V, record) : right?.(value as W, record)
    return record.withValue(settled(result, this.label))
  }

  private pair(side: Side, value: unknown, match: Held<unknown>, other: JoinBuffer<unknown, unknown>, record: AnyRec): AnyRec {
    const { value: found } = other.rowOf(match)
    const [left, right] = side === 'left' ? [value, found] : [found, value]
    const meta = match.time > record.timestamp ? record.withTimestamp(match.time) : record
    // As above.
    return meta.withValue(settled(this.results.both(left as V, right as W, meta), this.label))
  }
}

const byOrder = (a: Due, b: Due): number => {
  if (a.held.time !== b.held.time) return a.held.time - b.held.time
  if (a.side !== b.side) return a.side === 'right' ? -1 : 1
  if (a.held.id !== b.held.id) return a.held.id < b.held.id ? -1 : 1
  return a.held.arrival - b.held.arrival
}

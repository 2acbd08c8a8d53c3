import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { Heap } from '../core/heap.js'
import type { KeyedStore } from '../topology/operator.js'
import type { Buffered, BufferKey, HeaderPair } from './buffered-codec.js'

/** A record of a buffer, as the index knows it; its value is in the store. */
export interface Held<K> extends BufferKey {
  readonly originalKey: K
  /** Equal keys have one: the text of their bytes, whose order is that of the bytes. */
  readonly id: string
  /** Can be found by the other side. */
  isBuffered: boolean
  /** Waits for its first match. */
  isParked: boolean
  /** Times that it could not leave. */
  attempts: number
}

export interface NewlyHeld<K, V> {
  readonly time: number
  readonly originalKey: K
  readonly key: Buffer
  readonly id: string
  readonly value: V
  readonly isBuffered: boolean
  /** Null: it is not parked. */
  readonly parkedHeaders: readonly HeaderPair[] | null
}

export const idOf = (keyBytes: Buffer): string => keyBytes.toString('latin1')

/**
 * The records of one side that a join may still need. The store keeps them; an index in memory, built once from the store,
 * knows where: scanning the store per record would cost what all uncommitted rows cost.
 *
 * A row stays while it is buffered (`time + retention` > the largest time of its own side) or parked.
 */
export class JoinBuffer<K, V> {
  private readonly byKey = new Map<string, Held<K>[]>()
  /** Buffered ones, by when they leave. */
  private readonly leaving = new Heap<Held<K>>(isOlder)
  /** Parked ones, by when they are due; some that are parked no longer. */
  private readonly parked = new Heap<Held<K>>(isOlder)
  private arrivals = 0

  constructor(
    private readonly store: KeyedStore<BufferKey, Buffered<V>>,
    keys: Codec<K>,
    private readonly retentionMs: number,
    /** How long after its time a parked record is due. */
    readonly parkMs: number,
  ) {
    for (const [at, { value }] of store.entries()) {
      const key = asBuffer(at.key)
      const isBuffered = this.keeps(at.time, store.streamTime)
      this.index({ ...at, key, originalKey: keys.decode(key), id: idOf(key), isBuffered, isParked: value.isParked, attempts: 0 })
      this.arrivals = Math.max(this.arrivals, at.arrival + 1)
    }
  }

  /** The largest time of this side. */
  get time(): number {
    return this.store.streamTime
  }

  /** Whether a record of `time` is kept when this side has come to `sideTime`. */
  keeps(time: number, sideTime: number): boolean {
    return time + this.retentionMs > sideTime
  }

  isDue(time: number, streamTime: number): boolean {
    return streamTime > time + this.parkMs
  }

  /** Of a key, between two times, both inclusive, in order of time and arrival. */
  matching(id: string, from: number, to: number): readonly Held<K>[] {
    const list = this.byKey.get(id)
    if (list === undefined) return []
    const found: Held<K>[] = []
    for (let i = list.length - 1; i >= 0; i--) {
      const held = list[i] as Held<K>
      if (held.time < from) break
      if (held.time <= to) found.push(held)
    }
    return found.reverse()
  }

  /** Parked ones that are due, in no order. */
  dueBy(streamTime: number): readonly Held<K>[] {
    for (let least = this.parked.least; least !== undefined; least = this.parked.least) {
      if (!this.isDue(least.time, streamTime)) return []
      if (least.isParked) break
      this.parked.take()
    }
    return this.parked.whileBefore(({ time }) => this.isDue(time, streamTime)).filter(({ isParked }) => isParked)
  }

  rowOf(held: Held<K>): Buffered<V> {
    const row = this.store.get(held)
    if (row === undefined) throw new Error('a join buffer has lost a record that its index knows')
    return row.value
  }

  /* ------------------------------------------------------------------ writes */

  add({ value, parkedHeaders, ...record }: NewlyHeld<K, V>): void {
    const isParked = parkedHeaders !== null
    const held: Held<K> = { ...record, arrival: this.arrivals, isParked, attempts: 0 }
    this.store.set(held, { value, isParked, headers: parkedHeaders }, held.time)
    this.arrivals++
    this.index(held)
  }

  /** It has met another, or has left unmatched. */
  unpark(held: Held<K>): void {
    const { value } = this.rowOf(held)
    held.isParked = false
    if (held.isBuffered) this.store.set(held, { value, isParked: false, headers: null }, held.time)
    else this.store.delete(held, held.time)
  }

  /** This side has come to `time`: what is no longer kept goes. */
  advanceTo(time: number): void {
    this.store.advanceTo(time)
    const { streamTime } = this.store
    for (let least = this.leaving.least; least && !this.keeps(least.time, streamTime); least = this.leaving.least) {
      this.leaving.take()
      this.forget(least)
    }
  }

  private forget(held: Held<K>): void {
    held.isBuffered = false
    // They leave in the order of the list.
    const list = this.byKey.get(held.id)
    list?.shift()
    if (list?.length === 0) this.byKey.delete(held.id)
    if (!held.isParked) this.store.delete(held, held.time)
  }

  private index(held: Held<K>): void {
    if (held.isParked) this.parked.add(held)
    if (!held.isBuffered) return
    this.leaving.add(held)
    const list = this.byKey.get(held.id)
    if (list === undefined) return void this.byKey.set(held.id, [held])
    let at = list.length
    while (at > 0 && isOlder(held, list[at - 1] as Held<K>)) at--
    if (at === list.length) list.push(held)
    else list.splice(at, 0, held)
  }
}

const isOlder = (a: BufferKey, b: BufferKey): boolean => a.time < b.time || (a.time === b.time && a.arrival < b.arrival)

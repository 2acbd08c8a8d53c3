import { NearlySorted } from '../core/nearly-sorted.js'
import type { KeyedStore } from '../topology/operator.js'
import type { HeaderPair } from './header-pairs.js'
import { fact, Places } from './places.js'
import type { Waiting } from './waiting-codec.js'

export interface NewlyHeld<V> {
  readonly time: number
  readonly id: string
  readonly value: V
  readonly bytes: Buffer | null
  readonly isBuffered: boolean
  /** Null: it is not parked. */
  readonly parkedHeaders: readonly HeaderPair[] | null
}

/**
 * The records of one side that a join may still need. The store keeps them, each under its place; an index in memory, built once
 * from the store, knows where: scanning the store per record would cost what all uncommitted rows cost.
 *
 * A record stays while it is buffered (`time + retention` > the largest time of its own side) or parked. Then its row is only
 * written over by one that comes later: it says itself how old it is, so a start knows that it is void. Deleting each would double
 * what is written to the file and the changelog.
 */
export class JoinBuffer<V> {
  /** What is known of each without reading its row. */
  readonly places = new Places()
  /** Buffered ones, by when they leave. */
  private readonly leaving = new NearlySorted<number>(this.places.isOlder)
  /** Parked ones, by when they are due; some that are parked no longer. */
  private readonly parked = new NearlySorted<number>(this.places.isOlder)
  private readonly failures = new Map<number, number>()
  private arrivals = 0

  constructor(
    private readonly store: KeyedStore<number, Waiting<V>>,
    private readonly retentionMs: number,
    /** How long after its time a parked record is due. */
    private readonly parkMs: number,
  ) {
    const old: number[] = []
    const found: number[] = []
    for (const [place, { value: row }] of store.entries()) {
      const isBuffered = this.keeps(row.time, store.streamTime)
      this.arrivals = Math.max(this.arrivals, row.arrival + 1)
      if (!isBuffered && !row.isParked) old.push(place)
      else found.push(this.index(place, row, isBuffered))
    }
    this.places.recover(old)
    for (const place of found.sort((a, b) => (this.places.isOlder(a, b) ? -1 : 1))) this.line(place)
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

  /** Adds to `found` the places of a key's records between two times, both inclusive, in order of time and arrival. */
  matching(id: string, from: number, to: number, found: number[]): void {
    this.places.between(id, from, to, found)
  }

  /** Parked ones that are due, in no order. */
  dueBy(streamTime: number): readonly number[] {
    const { places, parked } = this
    for (let least = parked.least; least !== undefined; least = parked.least) {
      if (!this.isDue(places.timeOf(least), streamTime)) return none
      if (places.is(least, fact.parked)) break
      parked.take()
      places.unmark(least, fact.lined)
      this.letGo(least, true)
    }
    return parked.whileBefore((place) => this.isDue(places.timeOf(place), streamTime)).filter((place) => places.is(place, fact.parked))
  }

  rowOf(place: number): Waiting<V> {
    const row = this.store.get(place)
    if (row === undefined) throw new Error('a join buffer has lost a record that its index knows')
    return row.value
  }

  isParked(place: number): boolean {
    return this.places.is(place, fact.parked)
  }

  /** It could not leave: how often that has happened by now. */
  failedAgain(place: number): number {
    const times = (this.failures.get(place) ?? 0) + 1
    this.failures.set(place, times)
    return times
  }

  /* ------------------------------------------------------------------ writes */

  add({ time, id, value, bytes, isBuffered, parkedHeaders }: NewlyHeld<V>): void {
    const isParked = parkedHeaders !== null
    const place = this.places.next
    const row = { time, arrival: this.arrivals, id, value, bytes, isParked, headers: parkedHeaders }
    this.store.set(place, row, time)
    this.arrivals++
    this.line(this.index(place, row, isBuffered))
    this.clearSome()
  }

  /** It has met another, or has left unmatched. */
  unpark(place: number): void {
    const row = this.rowOf(place)
    const isBuffered = this.places.is(place, fact.buffered)
    if (isBuffered) this.store.set(place, { ...row, isParked: false, headers: null }, row.time)
    else this.store.delete(place, row.time)
    this.failures.delete(place)
    this.places.unmark(place, fact.parked)
    this.letGo(place, isBuffered)
  }

  /** This side has come to `time`: what is no longer kept goes. */
  advanceTo(time: number): void {
    this.store.advanceTo(time)
    const { places, leaving } = this
    const { streamTime } = this.store
    for (let least = leaving.least; least !== undefined && !this.keeps(places.timeOf(least), streamTime); least = leaving.least) {
      leaving.take()
      places.unlink(least)
      places.unmark(least, fact.buffered)
      this.letGo(least, true)
    }
  }

  private letGo(place: number, hasRow: boolean): void {
    if (!this.places.isAny(place)) this.places.leave(place, hasRow)
  }

  /** As many at a time as keep up: all at once would take long after a jump of time. */
  private clearSome(): void {
    for (let left = 2; left > 0; left--) {
      const place = this.places.takeSurplus()
      if (place === undefined) return
      this.store.delete(place, this.time)
    }
  }

  private index(place: number, { time, arrival, id, isParked }: Waiting<V>, isBuffered: boolean): number {
    const { places } = this
    places.seat(place, id, time, arrival)
    if (isParked) places.mark(place, fact.parked | fact.lined)
    if (isBuffered) places.mark(place, fact.buffered)
    return place
  }

  private line(place: number): void {
    const { places } = this
    if (places.is(place, fact.parked)) this.parked.add(place)
    if (!places.is(place, fact.buffered)) return
    this.leaving.add(place)
    places.link(place)
  }
}

const none: readonly number[] = []

import { codec, type Codec } from '../core/codec.js'
import { Heap } from '../core/heap.js'
import type { Entry, KeyedStore, StoreSpec } from '../topology/operator.js'

interface Waiting<K> {
  readonly key: K
  /** The key itself where it is a string, else the text of its bytes. */
  readonly id: string
  readonly at: number
}

export interface Expired<K, A> {
  readonly key: K
  readonly row: Entry<A>
  /** The time of its deletion. */
  readonly at: number
}

/** Leave with one record at most, the others with those that follow: a jump of time must not hold up the loop. */
export const mostAtOnce = 1000

/**
 * When the entries of a store expire: `ttlMs` after the time they were written at. In memory, one place per entry, built from the
 * store when the task opens. An entry that is written again is not moved; it is looked at when its place comes up.
 */
export class Expiring<K, A> {
  private readonly queue = new Heap<Waiting<K>>(isBefore)
  private readonly waiting = new Map<string, Waiting<K>>()
  private readonly idOf: (key: K) => string

  constructor(
    private readonly store: KeyedStore<K, A>,
    private readonly ttlMs: number,
    keys: StoreSpec<K, A>['key'],
  ) {
    this.idOf = idsOf(keys)
    for (const [key, { timestamp }] of store.entries()) this.wait(key, this.idOf(key), timestamp)
  }

  /** The one rule: for reading, for writing, and for leaving. */
  isExpired(timestamp: number, time: number): boolean {
    return timestamp + this.ttlMs <= time
  }

  /** After a write; `before` is what was there. */
  written(key: K, before: Entry<A> | undefined, timestamp: number): void {
    if (before !== undefined && before.timestamp <= timestamp) return
    const id = this.idOf(key)
    const known = this.waiting.get(id)
    if (known === undefined || timestamp < known.at) this.wait(key, id, timestamp)
  }

  /** Somebody is to be looked at: `takeOne`, and no more than `mostAtOnce` for one record. */
  isDue(time: number): boolean {
    const next = this.queue.least
    return next !== undefined && this.isExpired(next.at, time)
  }

  /** Deletes the entry that is due first, by (time, key), and gives it. Undefined: it is not there, or not as old. */
  takeOne(): Expired<K, A> | undefined {
    const next = this.queue.take()
    if (next === undefined || this.waiting.get(next.id) !== next) return undefined
    this.waiting.delete(next.id)
    const row = this.store.get(next.key)
    if (row === undefined) return undefined
    if (row.timestamp !== next.at) return void this.wait(next.key, next.id, row.timestamp)
    const at = next.at + this.ttlMs
    this.store.delete(next.key, at)
    return { key: next.key, row, at }
  }

  private wait(key: K, id: string, at: number): void {
    const waiting = { key, id, at }
    this.waiting.set(id, waiting)
    this.queue.add(waiting)
  }
}

const idsOf = <K>(keys: Codec<K>): ((key: K) => string) =>
  (keys as unknown) === codec.string ? String : (key) => Buffer.from(keys.encode(key) ?? []).toString('latin1')

const isBefore = <K>(a: Waiting<K>, b: Waiting<K>): boolean => a.at < b.at || (a.at === b.at && a.id < b.id)

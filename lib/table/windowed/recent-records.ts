import { NearlySorted } from '../../core/nearly-sorted.js'
import type { Windowed } from '../../core/record.js'
import type { AnyRec, KeyedStore, RowPlace } from '../../topology/operator.js'
import { windowOf, type KeyId } from './window-row.js'

export class KeptRecord<K = unknown> {
  place: RowPlace | undefined = undefined

  constructor(
    readonly id: KeyId,
    /** The key; its time as the start, the number of its arrival as the end. */
    readonly at: Windowed<K>,
    private readonly value: unknown,
  ) {}

  get timestamp(): number {
    return this.at.start
  }
  get arrival(): number {
    return this.at.end
  }

  /** As a lambda sees it: with its value and time; of its other properties those of the record at hand. */
  as(record: AnyRec): AnyRec {
    return record.withValue(this.value).withTimestamp(this.timestamp)
  }
}

const isBefore = (a: KeptRecord, b: KeptRecord): boolean =>
  a.timestamp < b.timestamp || (a.timestamp === b.timestamp && a.arrival < b.arrival)

/** Values that a window still to come may begin with, by key. In the store under the key, the time, and the number of arrival. */
export class RecentRecords<K> {
  /** In order of time and arrival. */
  private readonly byKey = new Map<KeyId, KeptRecord<K>[]>()
  private readonly expiring = new NearlySorted<KeptRecord<K>>(isBefore)
  private arrivals = 0

  constructor(
    private readonly store: KeyedStore<Windowed<K>, unknown>,
    idOf: (key: K) => KeyId,
  ) {
    for (const [at, { value }] of store.entries()) {
      this.keep(new KeptRecord(idOf(at.key), at, value))
      this.arrivals = Math.max(this.arrivals, at.end + 1)
    }
  }

  get dirtyCount(): number {
    return this.store.dirtyCount
  }

  /** The time of the newest of a key that is older than `time`; -1: there is none. */
  before(id: KeyId, time: number): number {
    const records = this.of(id)
    return records[firstFrom(records, time) - 1]?.timestamp ?? -1
  }

  has(id: KeyId, from: number, to: number): boolean {
    const records = this.of(id)
    return (records[firstFrom(records, from)]?.timestamp ?? Infinity) <= to
  }

  /** Between two times, both inclusive, in order of arrival. */
  between(id: KeyId, from: number, to: number): readonly KeptRecord<K>[] {
    const records = this.of(id)
    const found: KeptRecord<K>[] = []
    for (let i = firstFrom(records, from); i < records.length; i++) {
      const record = records[i] as KeptRecord<K>
      if (record.timestamp > to) break
      found.push(record)
    }
    return found.sort((a, b) => a.arrival - b.arrival)
  }

  add(id: KeyId, { key, value, timestamp }: AnyRec): void {
    const kept = new KeptRecord<K>(id, windowOf(key as K, timestamp, this.arrivals++), value)
    kept.place = this.store.insert(kept.at, value, timestamp)
    this.keep(kept)
  }

  /** Forgets one that is older; false: there is none. */
  prune(oldest: number): boolean {
    const next = this.expiring.least
    if (next === undefined || next.timestamp >= oldest) return false
    this.expiring.take()
    // They leave in the order of the list.
    const records = this.byKey.get(next.id)
    records?.shift()
    if (records?.length === 0) this.byKey.delete(next.id)
    this.store.delete(next.at, next.timestamp, next.place)
    return true
  }

  private of(id: KeyId): readonly KeptRecord<K>[] {
    return this.byKey.get(id) ?? none
  }

  private keep(record: KeptRecord<K>): void {
    this.expiring.add(record)
    const records = this.byKey.get(record.id)
    if (records === undefined) return void this.byKey.set(record.id, [record])
    let at = records.length
    // Mostly the newest.
    while (at > 0 && isBefore(record, records[at - 1] as KeptRecord<K>)) at--
    if (at === records.length) records.push(record)
    else records.splice(at, 0, record)
  }
}

const none = Object.freeze([])

/** The first position whose time is not less. */
const firstFrom = (records: readonly KeptRecord[], time: number): number => {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((records[middle]?.timestamp ?? Infinity) < time) low = middle + 1
    else high = middle
  }
  return low
}

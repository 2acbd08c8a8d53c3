import { Heap } from '../../core/heap.js'
import type { Windowed } from '../../core/record.js'
import type { AnyRec, KeyedStore } from '../../topology/operator.js'
import type { KeyId } from './open-windows.js'

export class KeptRecord {
  constructor(
    readonly timestamp: number,
    readonly arrival: number,
    private readonly value: unknown,
  ) {}

  /** As a lambda sees it: with its value and time; of its other properties those of the record at hand. */
  as(record: AnyRec): AnyRec {
    return record.withValue(this.value).withTimestamp(this.timestamp)
  }
}

interface Expiring {
  readonly timestamp: number
  readonly forget: () => void
}

/** Values that a window still to come may begin with, by key. In the store under the key, the time, and the number of arrival. */
export class RecentRecords<K> {
  private readonly byKey = new Map<KeyId, KeptRecord[]>()
  private readonly expiring = new Heap<Expiring>((a, b) => a.timestamp < b.timestamp)
  private arrivals = 0

  constructor(
    private readonly store: KeyedStore<Windowed<K>, unknown>,
    idOf: (key: K) => KeyId,
  ) {
    for (const [{ key, start, end }, { value }] of store.entries()) {
      this.keep(idOf(key), key, new KeptRecord(start, end, value))
      this.arrivals = Math.max(this.arrivals, end + 1)
    }
  }

  of(id: KeyId): readonly KeptRecord[] {
    return this.byKey.get(id) ?? []
  }

  add(id: KeyId, { key, value, timestamp }: AnyRec): void {
    const arrival = this.arrivals++
    this.store.set({ key, start: timestamp, end: arrival }, value, timestamp)
    this.keep(id, key, new KeptRecord(timestamp, arrival, value))
  }

  /** Forgets what is older. */
  prune(oldest: number): void {
    for (let next = this.expiring.least; next !== undefined && next.timestamp < oldest; next = this.expiring.least) {
      this.expiring.take()
      next.forget()
    }
  }

  private keep(id: KeyId, key: K, record: KeptRecord): void {
    const { timestamp } = record
    const records = this.byKey.get(id)
    if (records === undefined) this.byKey.set(id, [record])
    else records.push(record)
    this.expiring.add({
      timestamp,
      forget: () => {
        const left = this.byKey.get(id)?.filter((other) => other !== record) ?? []
        if (left.length === 0) this.byKey.delete(id)
        else this.byKey.set(id, left)
        this.store.delete({ key, start: timestamp, end: record.arrival }, timestamp)
      },
    })
  }
}

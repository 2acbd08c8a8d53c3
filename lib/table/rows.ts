import { Rec } from '../core/record.js'
import { Expiring, mostAtOnce } from '../operators/expiring.js'
import type { AnyRec, Emit, Entry, KeyedStore, RowChange, StoreSpec, TaskContext } from '../topology/operator.js'
import { isAbsent, writeRow } from './row.js'

/**
 * The rows that a verb owns. What it does with a record: `told`, `alive`, its lambda, `write`, `moveTo`, and then it tells of its
 * own change; so a lambda that throws has done nothing.
 */
export interface Rows<K, A> {
  /** What those below know of. */
  told(key: K): Entry<A> | undefined
  /** What there is of it for a record of that time. */
  alive(told: Entry<A> | undefined, time: number): Entry<A> | undefined
  /** `time` is the record's, `timestamp` the row's. */
  write(key: K, told: Entry<A> | undefined, after: A | null | undefined, timestamp: number, time: number): RowChange<A> | null
  /** The record has come: what its time makes too old goes, and those below hear of it. */
  moveTo(record: AnyRec, emit: Emit): void
}

export const openRows = <K, A>(task: TaskContext, spec: StoreSpec<K, A>, label: string): Rows<K, A> => {
  const store = task.store(spec)
  if (spec.ttlMs === undefined) return new LastingRows(store)
  return new ExpiringRows(store, new Expiring(store, spec.ttlMs, spec.key), () => task.dropped(label, 'late'))
}

class LastingRows<K, A> implements Rows<K, A> {
  constructor(private readonly store: KeyedStore<K, A>) {}

  told(key: K): Entry<A> | undefined {
    return this.store.get(key)
  }
  alive(told: Entry<A> | undefined): Entry<A> | undefined {
    return told
  }
  write(key: K, told: Entry<A> | undefined, after: A | null | undefined, timestamp: number): RowChange<A> | null {
    return writeRow(this.store, key, told, after, timestamp)
  }
  moveTo(): void {
    // Nothing goes by itself.
  }
}

/** With a `ttl`. A row that its own record finds too old is replaced in one step, so that a key has one change per record. */
class ExpiringRows<K, A> implements Rows<K, A> {
  constructor(
    private readonly store: KeyedStore<K, A>,
    private readonly expiring: Expiring<K, A>,
    private readonly onLate: () => void,
  ) {}

  told(key: K): Entry<A> | undefined {
    return this.store.get(key)
  }

  alive(told: Entry<A> | undefined, time: number): Entry<A> | undefined {
    return told === undefined || this.expiring.isExpired(told.timestamp, Math.max(this.store.streamTime, time)) ? undefined : told
  }

  write(key: K, told: Entry<A> | undefined, after: A | null | undefined, timestamp: number, time: number): RowChange<A> | null {
    const isLate = !isAbsent(after) && this.expiring.isExpired(timestamp, Math.max(this.store.streamTime, time))
    if (isLate) this.onLate()
    const change = writeRow(this.store, key, told, isLate ? undefined : after, timestamp)
    if (change?.after !== undefined) this.expiring.written(key, told, timestamp)
    return change
  }

  moveTo(record: AnyRec, emit: Emit): void {
    const { store, expiring } = this
    store.advanceTo(record.timestamp)
    const time = store.streamTime
    for (let left = mostAtOnce; left > 0 && expiring.isDue(time); left--) {
      const gone = expiring.takeOne()
      if (gone === undefined) continue
      const { key, row, at } = gone
      const change: RowChange<A> = { before: row.value, beforeTimestamp: row.timestamp, after: undefined }
      emit(new Rec<unknown, RowChange<A>>(key, change, at, record.ownHeaders, record.origin))
    }
  }
}

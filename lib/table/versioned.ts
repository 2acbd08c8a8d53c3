import { Heap } from '../core/heap.js'
import type { Entry, KeyedStore, Lookup, PerRecord, RowChange, StoreSpec, TableStore, TaskContext } from '../topology/operator.js'
import { newestOf, rowOf, versionAsOf, withVersion, type History } from './history.js'
import { changeOf, isAbsent } from './row.js'

export interface VersionedStore<K, A> {
  readonly spec: StoreSpec<K, History<A>>
  readonly historyMs: number
}

/**
 * A table that knows what its rows were. A change older than the history is dropped; one that is older than the newest of its
 * key changes what is found as of then, and goes no further: what follows the table sees the newest row of a key only.
 */
export const materializeVersions = <K, A>({ spec, historyMs }: VersionedStore<K, A>): PerRecord => ({
  kind: 'per-record',
  label: 'table',
  writes: true,
  open: (task) => {
    const rows = task.store(spec)
    const deleted = new Deleted(rows, historyMs)
    return (record, emit) => {
      if (isAbsent(record.key)) return task.dropped('table', 'null-key')
      const { key, timestamp } = record
      const horizon = Math.max(rows.streamTime, timestamp) - historyMs
      if (timestamp < horizon) return task.dropped('table', 'late')
      const value: A | undefined = isAbsent(record.value) ? undefined : record.value
      const history = rows.get(key)?.value
      const newest = newestOf(history)
      const isNewest = newest === undefined || timestamp >= newest.timestamp
      rows.set(key, withVersion(history ?? [], { timestamp, value }, horizon), isNewest ? timestamp : newest.timestamp)
      rows.advanceTo(timestamp)
      if (isNewest && value === undefined) deleted.add(key, timestamp)
      deleted.expire()
      if (!isNewest || (newest?.value === undefined && value === undefined)) return
      const before = newest?.value
      const change: RowChange<A> = { before, beforeTimestamp: before === undefined || !newest ? -1 : newest.timestamp, after: value }
      emit(changeOf(record, change, timestamp))
    }
  },
})

/** Keys whose newest version is a delete: when that is out of the history too, nothing is left to know of them. */
class Deleted<K, A> {
  private readonly waiting = new Heap<{ readonly key: K; readonly at: number }>((a, b) => a.at < b.at)

  constructor(
    private readonly rows: KeyedStore<K, History<A>>,
    private readonly historyMs: number,
  ) {
    for (const [key, { value }] of rows.entries()) {
      const newest = newestOf(value)
      if (newest !== undefined && newest.value === undefined) this.add(key, newest.timestamp)
    }
  }

  add(key: K, at: number): void {
    this.waiting.add({ key, at })
  }

  expire(): void {
    const { rows, waiting } = this
    const horizon = rows.streamTime - this.historyMs
    for (let oldest = waiting.least; oldest !== undefined && oldest.at < horizon; oldest = waiting.least) {
      waiting.take()
      const newest = newestOf(rows.get(oldest.key)?.value)
      if (newest?.timestamp === oldest.at && newest.value === undefined) rows.delete(oldest.key, oldest.at)
    }
  }
}

/** The newest rows, and those as of a time. Out of the history there is only the newest row, if it was there by then. */
export const versionedLookup = <K, A>({ spec, historyMs }: VersionedStore<K, A>): Lookup<K, A> => ({
  open: (stores: Pick<TaskContext, 'store'> | Parameters<Lookup<K, A>['open']>[0]) => {
    const rows: TableStore<K, History<A>> = stores.store(spec)
    const view: TableStore<K, A> = {
      get: (key) => rowOf(newestOf(rows.get(key)?.value)),
      asOf: (key, time) => {
        const history = rows.get(key)?.value
        if (history === undefined) return undefined
        if (time >= (rows.streamTime ?? -1) - historyMs) return versionAsOf(history, time)
        const newest = newestOf(history)
        return newest !== undefined && newest.timestamp <= time ? rowOf(newest) : undefined
      },
      *entries(range) {
        for (const [key, { value }, encodedKey] of rows.entries(range)) {
          const row: Entry<A> | undefined = rowOf(newestOf(value))
          if (row !== undefined) yield [key, row, encodedKey]
        }
      },
    }
    return view
  },
})

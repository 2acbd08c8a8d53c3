import type { Windowed } from '../../core/record.js'
import type { Entry, KeyedStore } from '../../topology/operator.js'
import type { WindowRow } from './window-row.js'

/** Where the results of windows are kept: one row each. */
export interface WindowRows<K, A> {
  /** A row for each window that the store has. */
  readonly found: () => Iterable<Found<K>>
  readonly resultOf: (row: WindowRow<K>) => Entry<A> | undefined
  readonly write: (row: WindowRow<K>, value: A, timestamp: number) => void
  readonly delete: (row: WindowRow<K>, timestamp: number) => void
}
export interface Found<K> {
  readonly windowed: Windowed<K>
  readonly born: number
}

/** Under the window itself: its bounds never change. */
export const fixedRows = <K, A>(store: KeyedStore<Windowed<K>, A>): WindowRows<K, A> => ({
  *found() {
    for (const [windowed] of store.entries()) yield { windowed, born: windowed.start }
  },
  resultOf: (row) => (row.isNew ? undefined : store.get(row.windowed, row.place)),
  write: (row, value, timestamp) => {
    row.place = row.isNew ? store.insert(row.windowed, value, timestamp) : store.set(row.windowed, value, timestamp, row.place)
    row.isNew = false
  },
  delete: (row, timestamp) => {
    if (!row.isNew) store.delete(row.windowed, timestamp, row.place)
    row.isNew = true
    row.place = undefined
  },
})

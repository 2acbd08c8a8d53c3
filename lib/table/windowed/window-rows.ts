import type { Windowed } from '../../core/record.js'
import type { Entry, KeyedStore } from '../../topology/operator.js'
import type { Bounds } from '../../window/bounds.js'
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
  readonly storedAs: Windowed<K>
  readonly bounds: Bounds
}

/** Under the window itself: its bounds never change. */
export const fixedRows = <K, A>(store: KeyedStore<Windowed<K>, A>): WindowRows<K, A> => ({
  *found() {
    for (const [windowed] of store.entries()) yield { storedAs: windowed, bounds: windowed }
  },
  resultOf: (row) => (row.isNew ? undefined : store.get(row.storedAs, row.place)),
  write: (row, value, timestamp) => writeRow(store, row, value, timestamp),
  delete: (row, timestamp) => deleteRow(store, row, timestamp),
})

export const writeRow = <K, V>(store: KeyedStore<Windowed<K>, V>, row: WindowRow<K>, value: V, timestamp: number): void => {
  row.place = row.isNew ? store.insert(row.storedAs, value, timestamp) : store.set(row.storedAs, value, timestamp, row.place)
  row.isNew = false
}

export const deleteRow = <K, V>(store: KeyedStore<Windowed<K>, V>, row: WindowRow<K>, timestamp: number): void => {
  if (!row.isNew) store.delete(row.storedAs, timestamp, row.place)
  row.isNew = true
  row.place = undefined
}

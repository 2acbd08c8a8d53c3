import type { Windowed } from '../../core/record.js'
import type { Lookup, StoreSpec, TableStore } from '../../topology/operator.js'
import { isExpired, type Windows } from '../../window/windows.js'

/**
 * The rows that are not gone yet, as of the stream time of their node: they are deleted when there is time for it, and what a join
 * finds must not depend on when that is.
 */
export const unexpired = <K, A>(
  lookup: Lookup<Windowed<K>, A>,
  spec: StoreSpec<Windowed<K>, unknown>,
  windows: Windows,
): Lookup<Windowed<K>, A> => ({
  open: (stores) => {
    const rows = lookup.open(stores)
    const store = stores.store(spec)
    const isThere = (key: Windowed<K>): boolean => store.streamTime === undefined || !isExpired(windows, key.end, store.streamTime)
    const view: TableStore<Windowed<K>, A> = {
      get: (key) => (isThere(key) ? rows.get(key) : undefined),
      *entries(range) {
        for (const entry of rows.entries(range)) if (isThere(entry[0])) yield entry
      },
    }
    return view
  },
})

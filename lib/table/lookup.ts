import type { Fn } from '../core/record.js'
import { settled } from '../operators/per-record.js'
import type { Entry, Lookup, StoreSpec, TableStore } from '../topology/operator.js'
import { isAbsent, rowMeta } from './row.js'

/** The rows of a store. */
export const storeLookup = <K, A>(spec: StoreSpec<K, A>): Lookup<K, A> => ({
  open: (stores) => {
    const store = stores.store(spec)
    store.expectLookups?.()
    return store
  },
})

/** The rows of `parent` that pass: a table without a store of its own. */
export const filterLookup = <K, A>(parent: Lookup<K, A>, keep: Fn<K, A, boolean>): Lookup<K, A> =>
  derived(parent, (key, row) => (settled(keep(row.value, rowMeta(key, row.timestamp)), 'filter') ? row : undefined))

/** The rows of `parent`, mapped whenever they are looked at; one that is mapped to null is none. */
export const mapLookup = <K, A, B>(parent: Lookup<K, A>, f: Fn<K, A, B>): Lookup<K, B> =>
  derived(parent, (key, { value, timestamp }) => {
    const mapped = settled(f(value, rowMeta(key, timestamp)), 'map')
    return isAbsent(mapped) ? undefined : { value: mapped, timestamp }
  })

const derived = <K, A, B>(parent: Lookup<K, A>, derive: (key: K, row: Entry<A>) => Entry<B> | undefined): Lookup<K, B> => ({
  open: (stores) => {
    const rows = parent.open(stores)
    const view: TableStore<K, B> = {
      get: (key) => {
        const row = rows.get(key)
        return row && derive(key, row)
      },
      ...(rows.asOf && {
        asOf: (key: K, time: number) => {
          const row = rows.asOf?.(key, time)
          return row && derive(key, row)
        },
      }),
      *entries(range) {
        for (const [key, row, encodedKey] of rows.entries(range)) {
          const found = derive(key, row)
          if (found) yield [key, found, encodedKey]
        }
      },
    }
    return view
  },
})

type Found<K, A> = readonly [key: K, entry: Entry<A>, encodedKey: Uint8Array]

/** Two tables side by side, in order of the encoded keys. */
export function* inOrderOfKeys<K, A, B>(
  lefts: Iterable<Found<K, A>>,
  rights: Iterable<Found<K, B>>,
  reverse: boolean,
): Generator<readonly [key: K, left: Entry<A> | undefined, right: Entry<B> | undefined, encodedKey: Uint8Array]> {
  const [left, right] = [lefts[Symbol.iterator](), rights[Symbol.iterator]()]
  try {
    let [l, r] = [left.next(), right.next()]
    while (l.done !== true || r.done !== true) {
      const order = l.done === true ? 1 : r.done === true ? -1 : Buffer.compare(l.value[2], r.value[2]) * (reverse ? -1 : 1)
      // One of the two is not done, and it is the one that comes first.
      const [key, , encoded] = (order <= 0 ? l.value : r.value) as Found<K, unknown>
      yield [key, order <= 0 ? (l.value as Found<K, A>)[1] : undefined, order >= 0 ? (r.value as Found<K, B>)[1] : undefined, encoded]
      if (order <= 0) l = left.next()
      if (order >= 0) r = right.next()
    }
  } finally {
    left.return?.()
    right.return?.()
  }
}

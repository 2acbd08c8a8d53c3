import { asBuffer } from '../../core/bytes.js'
import type { Codec } from '../../core/codec.js'
import type { Windowed } from '../../core/record.js'
import type { Entry, KeyedStore, Lookup, StoreSpec, TableStore } from '../../topology/operator.js'
import type { Bounds } from '../../window/bounds.js'
import { windowOf } from './window-row.js'
import { deleteRow, writeRow, type WindowRows } from './window-rows.js'

/**
 * Sessions grow with their records, and a row under the session itself would be deleted and written anew with each. So a row lies
 * under a window of no length, the time of the record that began the session, which no other session of the key has: that record
 * would have become part of this one, or be late. What a session is now is in the row.
 */
export interface SessionRow<A> extends Bounds {
  readonly value: A
}

const headBytes = 16

/** start ‖ end ‖ result, the times as doubles. */
export const sessionCodec = <A>(value: Codec<A>): Codec<SessionRow<A>> => ({
  name: `session(${value.name})`,
  encode: (row) => {
    const bytes = value.encode(row.value)
    if (bytes === null) return null
    const out = Buffer.allocUnsafe(headBytes + bytes.length)
    out.writeDoubleBE(row.start, 0)
    out.writeDoubleBE(row.end, 8)
    out.set(bytes, headBytes)
    return out
  },
  decode: (bytes) => {
    const all = asBuffer(bytes ?? Buffer.alloc(headBytes))
    return { start: all.readDoubleBE(0), end: all.readDoubleBE(8), value: value.decode(all.subarray(headBytes)) }
  },
})

export const sessionRows = <K, A>(store: KeyedStore<Windowed<K>, SessionRow<A>>): WindowRows<K, A> => ({
  *found() {
    for (const [storedAs, { value }] of store.entries()) yield { storedAs, bounds: value }
  },
  resultOf: (row) => {
    const found = row.isNew ? undefined : store.get(row.storedAs, row.place)
    return found && resultOf(found)
  },
  write: (row, value, timestamp) => writeRow(store, row, { start: row.start, end: row.end, value }, timestamp),
  delete: (row, timestamp) => deleteRow(store, row, timestamp),
})

const resultOf = <A>({ value: { value }, timestamp }: Entry<SessionRow<A>>): Entry<A> => ({ value, timestamp })

/** The rows under the sessions they are, in the order of those, as `shown` writes them: what a query sees. */
export const sessionLookup = <K, A>(spec: StoreSpec<Windowed<K>, SessionRow<A>>, shown: Codec<Windowed<K>>): Lookup<Windowed<K>, A> => {
  const bytesOf = (session: Windowed<K>): Buffer => asBuffer(shown.encode(session) ?? Buffer.alloc(0))
  const rowBytes = (key: K, born: number): Buffer => asBuffer(spec.key.encode({ key, start: born, end: born }) ?? Buffer.alloc(0))
  return {
    open: (stores) => {
      const rows = stores.store(spec)
      return {
        get: ({ key, start, end }) => {
          const from = rowBytes(key, start)
          for (const [, found, encoded] of rows.entries({ from, to: rowBytes(key, end + 1) }))
            // A longer key may lie between.
            if (found.value.start === start && found.value.end === end && encoded.length === from.length) return resultOf(found)
          return undefined
        },
        *entries({ from, to, reverse = false } = {}) {
          let run: Shown<K, A>[] = []
          for (const [{ key }, found] of rows.entries({ ...(from && { from: earliest(from) }), ...(to && { to }), reverse })) {
            const session = windowOf(key, found.value.start, found.value.end)
            const bytes = bytesOf(session)
            if (run[0] !== undefined && !isSameKey(run[0][2], bytes)) {
              yield* inOrder(run, reverse)
              run = []
            }
            if ((!from || bytes.compare(from) >= 0) && (!to || bytes.compare(to) < 0)) run.push([session, resultOf(found), bytes])
          }
          yield* inOrder(run, reverse)
        },
      } satisfies TableStore<Windowed<K>, A>
    },
  }
}

type Shown<K, A> = readonly [session: Windowed<K>, result: Entry<A>, bytes: Buffer]

/** The times at the end of a session's key. */
const tailBytes = 16
const isSameKey = (a: Buffer, b: Buffer): boolean =>
  a.length === b.length && a.compare(b, 0, b.length - tailBytes, 0, a.length - tailBytes) === 0
const inOrder = <K, A>(run: readonly Shown<K, A>[], reverse: boolean): readonly Shown<K, A>[] =>
  run.length < 2 ? run : run.toSorted(([, , a], [, , b]) => (reverse ? b.compare(a) : a.compare(b)))

/** A session ends no earlier than it began: under a bound that is one, the rows of its key come from their first. */
const earliest = (bound: Uint8Array): Uint8Array => {
  const at = bound.length - tailBytes
  // ms since the epoch begin with two zeros, which a text does not hold; where a key does, this is a little more to look through.
  const isSession = at >= 0 && bound[at] === 0 && bound[at + 1] === 0 && bound[at + 8] === 0 && bound[at + 9] === 0
  return isSession ? Buffer.concat([bound.subarray(0, at), Buffer.alloc(8)]) : bound
}

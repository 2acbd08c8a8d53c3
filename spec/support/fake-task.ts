import { codec, type Codec } from '../../lib/core/codec.js'
import { noHeaders } from '../../lib/core/headers.js'
import { Rec, type Meta, type RawRecord } from '../../lib/core/record.js'
import type { AnyRec, Entry, KeyedStore, PerRecord, StoreSpec, TaskContext } from '../../lib/topology/operator.js'

/** The name of a store that keeps JSON by strings, unless said otherwise. */
export const storeSpec = <A>(name: string, value: Codec<A> = codec.json<A>()): StoreSpec<string, A> => ({
  name,
  key: codec.string,
  value,
  kind: 'memory',
})

/** A Map, in order of the encoded keys; what `set` and `delete` were called with is in `writes`. */
export interface FakeStore<K, A> extends KeyedStore<K, A> {
  readonly writes: readonly (readonly [key: K, value: A | null, timestamp: number])[]
}
export const fakeStore = <K, A>(spec: StoreSpec<K, A>): FakeStore<K, A> => {
  const rows = new Map<string, readonly [K, Entry<A>, Uint8Array]>()
  const writes: (readonly [K, A | null, number])[] = []
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  let streamTime = -1
  const encoded = (key: K): Uint8Array => spec.key.encode(key) ?? Buffer.alloc(0)
  const set = (key: K, value: A, timestamp: number): void => {
    rows.set(hex(encoded(key)), [key, { value, timestamp }, encoded(key)])
    writes.push([key, value, timestamp])
  }
  return {
    writes,
    dirtyCount: 0,
    get streamTime() {
      return streamTime
    },
    advanceTo: (time) => void (streamTime = Math.max(streamTime, time)),
    get: (key) => rows.get(hex(encoded(key)))?.[1],
    set,
    insert: set,
    delete: (key, timestamp) => {
      rows.delete(hex(encoded(key)))
      writes.push([key, null, timestamp])
    },
    entries: (range = {}) => {
      const { from, to } = range
      const found = [...rows].filter(([key]) => (!from || key >= hex(from)) && (!to || key < hex(to))).sort(([a], [b]) => (a < b ? -1 : 1))
      return (range.reverse ? found.reverse() : found).map(([, row]) => row)
    },
  }
}

/** What a verb sees of a task, and no more: stores, global tables, and a list of what it dropped. */
export interface FakeTask extends TaskContext {
  store<K, A>(spec: StoreSpec<K, A>): FakeStore<K, A>
  /** 'operator: reason', in order. */
  readonly drops: readonly string[]
}
export const fakeTask = (globals: Readonly<Record<string, ReadonlyMap<unknown, unknown>>> = {}): FakeTask => {
  const stores = new Map<string, FakeStore<unknown, unknown>>()
  const drops: string[] = []
  const unexpected = (what: string) => (): never => {
    throw new Error(`the fake task has no ${what}`)
  }
  return {
    drops,
    partition: 0,
    isDraining: false,
    isExactlyOnce: false,
    clock: { now: unexpected('clock'), after: unexpected('clock') },
    signal: new AbortController().signal,
    store: <K, A>(spec: StoreSpec<K, A>) => {
      const store = stores.get(spec.name) ?? fakeStore(spec)
      // One name, one store: the caller knows its types, as with a real task.
      stores.set(spec.name, store)
      return store as FakeStore<K, A>
    },
    globalTable: <K, A>(name: string) => ({
      get: (key: K) => {
        const value = globals[name]?.get(key)
        // As above.
        return value === undefined ? undefined : { value: value as A, timestamp: 0 }
      },
    }),
    dropped: (operator, reason) => void drops.push(`${operator}: ${reason}`),
    extraReceipt: unexpected('extra receipts'),
    fail: unexpected('error policy'),
    stop: unexpected('way to stop'),
    onFlush: unexpected('flush'),
    hold: () => (goOn) => goOn(),
    whenFree: (move) => move(),
    onIdle: () => undefined,
  }
}

/** A record of partition 3 at offset 7 of 'topic'; its raw bytes are of no interest. */
export const record = <K, V>(key: K, value: V, timestamp = 0, headers = noHeaders): Rec<K, V> => {
  const origin: RawRecord = { topic: 'topic', partition: 3, offset: 7, timestamp, key: null, value: null, headers }
  return new Rec(key, value, timestamp, null, origin)
}
export const metaOf = <K>(key: K, timestamp = 0): Meta<K> => record(key, null, timestamp)

export type Row = readonly [key: unknown, value: unknown, timestamp: number]

/** Opens verbs that follow each other; each call puts one record through and gives what came out. */
export const opened = (
  task: TaskContext,
  ...verbs: readonly PerRecord[]
): ((key: unknown, value: unknown, timestamp?: number) => Row[]) => {
  const out: AnyRec[] = []
  const steps = verbs.map((verb) => verb.open(task))
  const emit = steps.reduceRight<(given: AnyRec) => void>(
    (next, step) => (given) => step(given, next),
    (given) => void out.push(given),
  )
  return (key, value, timestamp = 0) => {
    emit(record(key, value, timestamp))
    return out.splice(0).map(({ key, value, timestamp }): Row => [key, value, timestamp])
  }
}

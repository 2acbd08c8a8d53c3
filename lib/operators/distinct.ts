import { createHash } from 'node:crypto'
import { types } from 'node:util'
import { asBuffer } from '../core/bytes.js'
import { codec, type Codec } from '../core/codec.js'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import { Heap } from '../core/heap.js'
import type { Fn } from '../core/record.js'
import type { KeyedStore, PerRecord, StoreSpec } from '../topology/operator.js'
import { settled } from './per-record.js'

export interface DistinctOptions<K, V> {
  readonly within: Duration
  /** Null: the value as `values` writes it. */
  readonly by: Fn<K, V, unknown> | null
  readonly keys: Codec<K>
  readonly values: Codec<V> | null
  readonly storeName: string
}

/** By identity: the time of the one that passed. */
export const distinctSpec = (name: string): StoreSpec<Uint8Array, number> =>
  Object.freeze({ name, key: codec.bytes, value: codec.number, kind: 'lmdb' })

/**
 * The first of a key and identity passes, equals are dropped until one is `within` past it. An identity is known for another
 * `within` of stream time, so that what comes that late is still told.
 */
export const distinct = <K, V>({ within, by, keys, values, storeName }: DistinctOptions<K, V>): PerRecord => {
  const withinMs = durationMs(within, 'distinct: within')
  return {
    kind: 'per-record',
    label: 'distinct',
    writes: true,
    open: (task) => {
      const seen = new Seen(task.store(distinctSpec(storeName)), 2 * withinMs)
      return (record, emit) => {
        const key = record.key === null || record.key === undefined ? null : keys.encode(record.key)
        if (key === null) return task.dropped('distinct', 'null-key')
        if (record.value === null || record.value === undefined) return task.dropped('distinct', 'null-value')
        const what = by === null ? values?.encode(record.value) : bytesOf(settled(by(record.value, record), 'distinct'))
        const identity = identityOf(asBuffer(key), asBuffer(what ?? Buffer.alloc(0)))
        seen.advanceTo(record.timestamp)
        const first = seen.firstOf(identity)
        if (first !== undefined && record.timestamp < first + withinMs) return
        seen.add(identity, record.timestamp)
        emit(record)
      }
    },
  }
}

/** Who has passed, and when. The order they are forgotten in is kept in memory, built once from the store. */
class Seen {
  private readonly leaving = new Heap<{ readonly identity: Uint8Array; readonly first: number }>((a, b) => a.first < b.first)

  constructor(
    private readonly store: KeyedStore<Uint8Array, number>,
    private readonly keptMs: number,
  ) {
    for (const [identity, { value: first }] of store.entries()) this.leaving.add({ identity, first })
  }

  firstOf(identity: Uint8Array): number | undefined {
    return this.store.get(identity)?.value
  }

  add(identity: Uint8Array, first: number): void {
    this.store.set(identity, first, first)
    this.leaving.add({ identity, first })
  }

  advanceTo(time: number): void {
    const { store, leaving } = this
    store.advanceTo(time)
    for (let oldest = leaving.least; oldest && oldest.first + this.keptMs <= store.streamTime; oldest = leaving.least) {
      leaving.take()
      if (this.firstOf(oldest.identity) === oldest.first) store.delete(oldest.identity, oldest.first)
    }
  }
}

const longest = 32

/** length of the key (u32) ‖ key ‖ identity, or its hash when that is shorter */
const identityOf = (key: Buffer, what: Buffer): Buffer => {
  const head = Buffer.allocUnsafe(4)
  head.writeUInt32BE(key.length)
  const isLong = what.length > longest
  return Buffer.concat([head, key, Buffer.of(isLong ? 1 : 0), isLong ? createHash('sha256').update(what).digest() : what])
}

/** Equal things have equal bytes, things of different types different ones. */
const bytesOf = (what: unknown): Uint8Array => {
  if (what === undefined || what === null) return Buffer.from(String(what))
  if (what instanceof Uint8Array) return Buffer.concat([Buffer.from('b'), what])
  if (typeof what === 'bigint') return Buffer.from(`i${what}`)
  if (types.isMap(what) || types.isSet(what))
    throw new MillraceError('MR_ENCODE', 'distinct: `by` gave a Map or a Set, which JSON has no form for')
  return Buffer.concat([Buffer.from('j'), codec.json().encode(what) ?? Buffer.alloc(0)])
}

import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import { Rec, type Fn } from '../core/record.js'
import { perRecord, settled } from '../operators/per-record.js'
import type { PerRecord, RowChange, Step, StoreSpec } from '../topology/operator.js'
import { startOf } from './aggregate.js'
import type { Reversible } from './aggregator.js'
import { changeOf, isAbsent, rowMeta, writeRow } from './row.js'

/** What a change of a table does to one row of the regrouped one: a value goes, a value comes. */
export interface Halves<W> {
  readonly old: W | undefined
  readonly new: W | undefined
}

/** Takes the old value from its old key and brings the new one to its new key; in one step when the key is the same. */
export const regroup = <K, V, J, W>(f: Fn<K, V, readonly [J, W] | null>, key: Codec<J>): PerRecord => {
  const half = (value: V | undefined, of: K, timestamp: number): readonly [J, W] | null => {
    if (value === undefined) return null
    const pair = settled(f(value, rowMeta(of, timestamp)), 'groupBy')
    return isAbsent(pair) || isAbsent(pair[0]) || isAbsent(pair[1]) ? null : pair
  }
  const isSame = (a: J, b: J): boolean => a === b || asBuffer(key.encode(a) ?? Buffer.alloc(0)).equals(key.encode(b) ?? Buffer.alloc(0))
  const step: Step = (record, emit) => {
    const { before, beforeTimestamp, after }: RowChange<V> = record.value
    const going = half(before, record.key, beforeTimestamp)
    const coming = half(after, record.key, record.timestamp)
    const put = (to: J, halves: Halves<W>): void => emit(new Rec(to, halves, record.timestamp, record.ownHeaders, record.origin))
    if (going && coming && isSame(going[0], coming[0])) return put(coming[0], { old: going[1], new: coming[1] })
    if (going) put(going[0], { old: going[1], new: undefined })
    if (coming) put(coming[0], { old: undefined, new: coming[1] })
  }
  return { ...perRecord('groupBy', step), emitsMany: true }
}

const lengthBytes = 4
const noOld = 0xffffffff

/** Length of the old half, the old half, the new half; a length that no value has: there is no old one. */
export const halvesCodec = <W>(value: Codec<W>): Codec<Halves<W>> => {
  const bytesOf = (half: W): Uint8Array => {
    const bytes = value.encode(half)
    if (bytes === null) throw new MillraceError('MR_NULL', `a value of a regrouped table is written as null by ${value.name}`)
    return bytes
  }
  return {
    name: `halves(${value.name})`,
    encode: (halves) => {
      const old = halves.old === undefined ? null : bytesOf(halves.old)
      const rest = halves.new === undefined ? [Buffer.of(0)] : [Buffer.of(1), bytesOf(halves.new)]
      const length = Buffer.alloc(lengthBytes)
      length.writeUInt32BE(old?.length ?? noOld)
      return Buffer.concat(old === null ? [length, ...rest] : [length, old, ...rest])
    },
    decode: (bytes) => {
      const all = asBuffer(bytes ?? Buffer.alloc(0))
      const length = all.readUInt32BE(0)
      const at = lengthBytes + (length === noOld ? 0 : length)
      return {
        old: length === noOld ? undefined : value.decode(all.subarray(lengthBytes, at)),
        new: all[at] === 1 ? value.decode(all.subarray(at + 1)) : undefined,
      }
    },
  }
}

/** Folds the halves: the old value is taken out before the new one is added. */
export const aggregateHalves = <K, V, A>(by: Reversible<K, V, A>, store: StoreSpec<K, A>, label: string): PerRecord => {
  const start = startOf(by.empty)
  return {
    kind: 'per-record',
    label,
    writes: true,
    open: (task) => {
      const rows = task.store(store)
      return (record, emit) => {
        if (isAbsent(record.key)) return task.dropped(label, 'null-key')
        const halves: Halves<V> = record.value
        const row = rows.get(record.key)
        let result = row ? row.value : start()
        if (halves.old !== undefined) result = settled(by.remove(result, halves.old, record), label)
        if (halves.new !== undefined) result = settled(by.add(result, halves.new, record), label)
        const timestamp = Math.max(row?.timestamp ?? -1, record.timestamp)
        const change = writeRow(rows, record.key, row, result, timestamp)
        if (change) emit(changeOf(record, change, timestamp))
      }
    },
  }
}

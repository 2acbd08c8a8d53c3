import { createHash } from 'node:crypto'
import { asBuffer, type Allocate } from '../core/bytes.js'
import { MillraceError } from '../core/errors.js'
import type { ByteRange, Row } from './port.js'

/**
 * The bytes of keys and rows on disk.
 *
 * key   0x01 ‖ key                                  up to 1900 bytes
 *       0x01 ‖ first 1900 bytes ‖ sha-256 of all    beyond: the engine takes 1978
 * row   0x01 ‖ timestamp (double) ‖ value
 *       0x02 ‖ timestamp ‖ length (u32) ‖ key ‖ value, of a long key
 *
 * The tag makes empty keys possible. Order on disk is the order of the keys, but for long keys that share their first 1900
 * bytes: these lie side by side, and `inKeyOrder` sorts such a run while it is read. A long key has a length no other has.
 */
const keyTag = 0x01
const plainRow = 0x01
const longKeyRow = 0x02
const rowHead = 9
export const maxPlainKey = 1900
const longKeyLength = 1 + maxPlainKey + 32

/** The first byte after all keys. */
export const afterAllKeys = Buffer.of(keyTag + 1)
export const beforeAllKeys = Buffer.of(keyTag)

export const diskKey = (key: Uint8Array, allocate: Allocate = Buffer.allocUnsafe): Buffer => {
  if (key.length > maxPlainKey) return Buffer.concat([longKeyPrefix(key), createHash('sha256').update(key).digest()])
  const out = allocate(key.length + 1)
  out[0] = keyTag
  out.set(key, 1)
  return out
}

const longKeyPrefix = (key: Uint8Array): Buffer => Buffer.concat([beforeAllKeys, key.subarray(0, maxPlainKey)])

export const diskRow = (key: Uint8Array, row: Row, allocate: Allocate = Buffer.allocUnsafe): Buffer => {
  const isLong = key.length > maxPlainKey
  const head = isLong ? rowHead + 4 + key.length : rowHead
  const out = allocate(head + row.value.length)
  out[0] = isLong ? longKeyRow : plainRow
  out.writeDoubleBE(row.timestamp, 1)
  if (isLong) {
    out.writeUInt32BE(key.length, rowHead)
    out.set(key, rowHead + 4)
  }
  out.set(row.value, head)
  return out
}

/** Copies: `bytes` may be the engine's own, gone with the next read. */
export const readRow = (bytes: Buffer): Row => {
  const head = bytes[0] === plainRow ? rowHead : rowHead + 4 + keyLength(bytes)
  const value = Buffer.allocUnsafe(bytes.length - head)
  bytes.copy(value, 0, head, bytes.length)
  return { value, timestamp: bytes.readDoubleBE(1) }
}

const keyLength = (bytes: Buffer): number => {
  if (bytes[0] === longKeyRow) return bytes.readUInt32BE(rowHead)
  throw new MillraceError('MR_STATE_FORMAT', `a row has format ${bytes[0]}, and only ${plainRow} and ${longKeyRow} are known`)
}

export type DiskEntry = readonly [key: Buffer, row: Buffer]
export type Entry = readonly [key: Buffer, row: Row]

const readEntry = ([key, bytes]: DiskEntry): Entry => [
  key.length === longKeyLength ? Buffer.from(bytes.subarray(rowHead + 4, rowHead + 4 + keyLength(bytes))) : key.subarray(1),
  readRow(bytes),
]

export interface DiskRange {
  /** Inclusive. */
  readonly low: Buffer
  /** Exclusive. */
  readonly high: Buffer
}

/** May hold more than asked for where a bound is a long key; `inKeyOrder` leaves that out. */
export const diskRange = (range: ByteRange): DiskRange => ({
  low: range.from === undefined ? beforeAllKeys : range.from.length > maxPlainKey ? longKeyPrefix(range.from) : diskKey(range.from),
  high: range.to === undefined ? afterAllKeys : range.to.length > maxPlainKey ? afterRunOf(range.to) : diskKey(range.to),
})

const afterRunOf = (key: Uint8Array): Buffer => Buffer.concat([longKeyPrefix(key), Buffer.alloc(33, 0xff)])

/** Decodes what was read in the order of the disk, and puts long keys that share their beginning into the order of their bytes. */
export function* inKeyOrder(entries: Iterable<DiskEntry>, range: ByteRange): Generator<Entry> {
  const sign = range.reverse === true ? -1 : 1
  let run: Entry[] = []
  let runPrefix: Buffer | null = null
  const sorted = (): Entry[] => run.sort((a, b) => sign * a[0].compare(b[0])).filter(([key]) => isWithin(key, range))
  for (const entry of entries) {
    const prefix = entry[0].length === longKeyLength ? entry[0].subarray(0, 1 + maxPlainKey) : null
    if (runPrefix !== null && (prefix === null || !prefix.equals(runPrefix))) {
      yield* sorted()
      run = []
    }
    runPrefix = prefix
    const read = readEntry(entry)
    if (prefix !== null) run.push(read)
    else if (isWithin(read[0], range)) yield read
  }
  yield* sorted()
}

const isWithin = (key: Buffer, { from, to }: ByteRange): boolean =>
  // Short bounds are exact on disk.
  (from === undefined || from.length <= maxPlainKey || key.compare(asBuffer(from)) >= 0) &&
  (to === undefined || to.length <= maxPlainKey || key.compare(asBuffer(to)) < 0)

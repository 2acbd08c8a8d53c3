import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'

/** What the left side asks of the partition of a foreign key. */
export interface Subscription {
  /** The key of the left row, encoded. */
  readonly leftKey: Buffer
  /** Which left row asks. */
  readonly version: Version
  readonly ask: 'subscribe' | 'leave' | 'leave and tell'
}

/** Tells the rows that a key has had one after another apart; a whole number, `noRow` where there is none any more. */
export type Version = number
export const noRow: Version = 0

/** What the right side answers to the partition of the left row. */
export interface Answer<W> {
  /** As in the subscription: the row that has asked. */
  readonly version: Version
  readonly right: W | undefined
}

/** Where a subscription is kept: both keys encoded, as latin1, for a buffer would keep alive the batch it came with. */
export interface SubscriptionKey {
  readonly rightKey: string
  readonly leftKey: string
}

const versionBytes = 8
const nothing = Buffer.alloc(0)

/** version (double) ‖ a byte ‖ the rest */
const pack = (version: Version, byte: number, rest: Uint8Array): Buffer => {
  const out = Buffer.allocUnsafe(versionBytes + 1 + rest.length)
  out.writeDoubleBE(version, 0)
  out[versionBytes] = byte
  out.set(rest, versionBytes + 1)
  return out
}
const unpack = (bytes: Uint8Array | null): { readonly version: Version; readonly byte: number; readonly rest: Buffer } => {
  if (bytes === null || bytes.length <= versionBytes) throw new RangeError('too few bytes')
  const all = asBuffer(bytes)
  return { version: all.readDoubleBE(0), byte: all[versionBytes] ?? 0, rest: all.subarray(versionBytes + 1) }
}

const asks = ['subscribe', 'leave', 'leave and tell'] as const

export const subscriptionCodec: Codec<Subscription> = {
  name: 'subscription',
  encode: ({ leftKey, version, ask }) => pack(version, asks.indexOf(ask), leftKey),
  decode: (bytes) => {
    const { version, byte, rest } = unpack(bytes)
    return { leftKey: rest, version, ask: asks[byte] ?? 'subscribe' }
  },
}

export const answerCodec = <W>(value: Codec<W>): Codec<Answer<W>> => ({
  name: `answer(${value.name})`,
  encode: ({ version, right }) => (right === undefined ? pack(version, 0, nothing) : pack(version, 1, value.encode(right) ?? nothing)),
  decode: (bytes) => {
    const { version, byte, rest } = unpack(bytes)
    return { version, right: byte === 1 ? value.decode(rest) : undefined }
  },
})

/** length of the right key (u32) ‖ right key ‖ left key: the subscribers of one lie side by side. */
export const subscriptionKeyCodec: Codec<SubscriptionKey> = {
  name: 'subscription key',
  encode: ({ rightKey, leftKey }) => {
    const out = Buffer.allocUnsafe(4 + rightKey.length + leftKey.length)
    out.writeUInt32BE(rightKey.length, 0)
    out.write(rightKey, 4, 'latin1')
    out.write(leftKey, 4 + rightKey.length, 'latin1')
    return out
  },
  decode: (bytes) => {
    if (bytes === null) throw new RangeError('no bytes')
    const all = asBuffer(bytes)
    const end = 4 + all.readUInt32BE(0)
    return { rightKey: all.toString('latin1', 4, end), leftKey: all.toString('latin1', end) }
  },
}

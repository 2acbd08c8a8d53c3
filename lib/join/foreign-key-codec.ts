import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'

/** What the left side asks of the partition of a foreign key. */
export interface Subscription {
  /** The key of the left row, as `keyTexts` has it. */
  readonly leftKey: string
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

/** Where a subscription is kept, by keys as of `keyTexts`. */
export interface SubscriptionKey {
  readonly rightKey: string
  readonly leftKey: string
}

const versionBytes = 8
const headBytes = versionBytes + 1
const nothing = Buffer.alloc(0)

/** version (double) ‖ a byte ‖ room for the rest */
const pack = (version: Version, byte: number, restBytes: number): Buffer => {
  const out = Buffer.allocUnsafe(headBytes + restBytes)
  out.writeDoubleBE(version, 0)
  out[versionBytes] = byte
  return out
}
const packed = (bytes: Uint8Array | null): Buffer => {
  if (bytes === null || bytes.length < headBytes) throw new RangeError('too few bytes')
  return asBuffer(bytes)
}

const asks = ['subscribe', 'leave', 'leave and tell'] as const

export const subscriptionCodec: Codec<Subscription> = {
  name: 'subscription',
  encode: ({ leftKey, version, ask }) => {
    const out = pack(version, asks.indexOf(ask), leftKey.length)
    out.write(leftKey, headBytes, 'latin1')
    return out
  },
  decode: (bytes) => {
    const all = packed(bytes)
    return { leftKey: all.toString('latin1', headBytes), version: all.readDoubleBE(0), ask: asks[all[versionBytes] ?? 0] ?? 'subscribe' }
  },
}

export const answerCodec = <W>(value: Codec<W>): Codec<Answer<W>> => ({
  name: `answer(${value.name})`,
  encode: ({ version, right }) => {
    const rest = right === undefined ? nothing : (value.encode(right) ?? nothing)
    const out = pack(version, right === undefined ? 0 : 1, rest.length)
    out.set(rest, headBytes)
    return out
  },
  decode: (bytes) => {
    const all = packed(bytes)
    return { version: all.readDoubleBE(0), right: all[versionBytes] === 1 ? value.decode(all.subarray(headBytes)) : undefined }
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

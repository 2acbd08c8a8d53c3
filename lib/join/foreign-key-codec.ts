import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'

/** What the left side asks of the partition of a foreign key. */
export interface Subscription {
  /** The key of the left row, encoded. */
  readonly leftKey: Buffer
  /** Which left row asks; empty: there is none any more. */
  readonly version: Buffer
  readonly ask: 'subscribe' | 'leave' | 'leave and tell'
}

/** What the right side answers to the partition of the left row. */
export interface Answer<W> {
  /** As in the subscription: the row that has asked. */
  readonly version: Buffer
  readonly right: W | undefined
}

/** Where a subscription is kept. */
export interface SubscriptionKey {
  readonly rightKey: Buffer
  readonly leftKey: Buffer
}

const lengthBytes = 4

/** A field, its length before it; then the rest. */
const joinFields = (first: Uint8Array, ...rest: readonly Uint8Array[]): Buffer => {
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(first.length)
  return Buffer.concat([length, first, ...rest])
}
const splitFields = (bytes: Uint8Array | null): readonly [Buffer, Buffer] => {
  const all = asBuffer(bytes ?? Buffer.alloc(lengthBytes))
  const end = lengthBytes + all.readUInt32BE(0)
  return [all.subarray(lengthBytes, end), all.subarray(end)]
}

const asks = ['subscribe', 'leave', 'leave and tell'] as const

export const subscriptionCodec: Codec<Subscription> = {
  name: 'subscription',
  encode: ({ leftKey, version, ask }) => joinFields(leftKey, Buffer.of(asks.indexOf(ask)), version),
  decode: (bytes) => {
    const [leftKey, rest] = splitFields(bytes)
    return { leftKey, version: rest.subarray(1), ask: asks[rest[0] ?? 0] ?? 'subscribe' }
  },
}

export const answerCodec = <W>(value: Codec<W>): Codec<Answer<W>> => ({
  name: `answer(${value.name})`,
  encode: ({ version, right }) =>
    right === undefined ? joinFields(version, Buffer.of(0)) : joinFields(version, Buffer.of(1), value.encode(right) ?? Buffer.alloc(0)),
  decode: (bytes) => {
    const [version, rest] = splitFields(bytes)
    return { version, right: rest[0] === 1 ? value.decode(rest.subarray(1)) : undefined }
  },
})

/** By right key: the subscribers of one lie side by side. */
export const subscriptionKeyCodec: Codec<SubscriptionKey> = {
  name: 'subscription key',
  encode: ({ rightKey, leftKey }) => joinFields(rightKey, leftKey),
  decode: (bytes) => {
    const [rightKey, leftKey] = splitFields(bytes)
    return { rightKey, leftKey }
  },
}

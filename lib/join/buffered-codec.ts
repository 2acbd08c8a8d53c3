import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import { decodeHeaders, encodeHeaders, type HeaderPair } from './header-pairs.js'

/** Where a record lies in a buffer: by time, then in order of arrival. */
export interface BufferKey {
  readonly time: number
  readonly arrival: number
  /** Encoded. */
  readonly key: Buffer
}

/** A record that waits for others. Headers are kept of those that may leave by themselves. */
export interface Buffered<A> {
  readonly value: A
  readonly isParked: boolean
  readonly headers: readonly HeaderPair[] | null
}

const headBytes = 16

/** time (double) ‖ arrival (double) ‖ key. Both are never negative, so the order of the bytes is theirs. */
export const bufferKeyCodec: Codec<BufferKey> = Object.freeze({
  name: 'time, arrival, key',
  encode: ({ time, arrival, key }: BufferKey) => {
    const out = Buffer.allocUnsafe(headBytes + key.length)
    out.writeDoubleBE(time + 0) // -0 would come last
    out.writeDoubleBE(arrival, 8)
    out.set(key, headBytes)
    return out
  },
  decode: (bytes: Uint8Array | null) => {
    const found = asBuffer(bytes ?? Buffer.alloc(0))
    if (found.length < headBytes) throw new MillraceError('MR_STATE_FORMAT', 'the key of a record held by a join is too short')
    return { time: found.readDoubleBE(), arrival: found.readDoubleBE(8), key: Buffer.from(found.subarray(headBytes)) }
  },
})

const version = 0x10
const parkedFlag = 1
const headersFlag = 2
const noValueFlag = 4

/** version and flags (1 byte) ‖ headers, if there are any ‖ the bytes of the value */
export const bufferedCodec = <A>(value: Codec<A>): Codec<Buffered<A>> =>
  Object.freeze({
    name: `buffered(${value.name})`,
    encode: (row: Buffered<A>) => {
      const bytes = value.encode(row.value)
      const headers = row.headers === null ? [] : [encodeHeaders(row.headers)]
      const flags = (row.isParked ? parkedFlag : 0) | (row.headers === null ? 0 : headersFlag) | (bytes === null ? noValueFlag : 0)
      return Buffer.concat([Buffer.of(version | flags), ...headers, ...(bytes === null ? [] : [bytes])])
    },
    decode: (bytes: Uint8Array | null) => {
      const found = asBuffer(bytes ?? Buffer.alloc(0))
      const first = found[0] ?? 0
      if ((first & 0xf0) !== version) throw new MillraceError('MR_STATE_FORMAT', `a record held by a join begins with ${first}`)
      const hasHeaders = (first & headersFlag) !== 0
      const { headers, end } = hasHeaders ? decodeHeaders(found, 1) : { headers: null, end: 1 }
      return {
        value: value.decode((first & noValueFlag) !== 0 ? null : found.subarray(end)),
        isParked: (first & parkedFlag) !== 0,
        headers,
      }
    },
  })

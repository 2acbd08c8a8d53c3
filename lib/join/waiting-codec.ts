import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import { decodeHeaders, encodeHeaders, type HeaderPair } from './header-pairs.js'

/** A record in the buffer of a join. */
export interface Waiting<A> {
  /** ms since the epoch. */
  readonly time: number
  /** Which of its buffer it was: of equal times, the order. */
  readonly arrival: number
  /** The bytes of its key as latin1 text, whose order is theirs. */
  readonly id: string
  readonly value: A
  /** Those of the value; as they were read, where nobody had looked at it. */
  readonly bytes: Buffer | null
  /** Waits for its first match. */
  readonly isParked: boolean
  /** Kept of those that are parked: they may leave by themselves. */
  readonly headers: readonly HeaderPair[] | null
}

const version = 0x10
const parkedFlag = 1
const headersFlag = 2
const noValueFlag = 4
const headBytes = 21

/** version and flags (1 byte) ‖ time (double) ‖ arrival (double) ‖ length of the key (u32) ‖ key ‖ headers, if there are any ‖ value */
export const waitingCodec = <A>(value: Codec<A>): Codec<Waiting<A>> =>
  Object.freeze({
    name: `waiting(${value.name})`,
    encode: encodeRow,
    decode: (given: Uint8Array | null) => {
      const found = asBuffer(given ?? Buffer.alloc(0))
      const first = found[0] ?? 0
      if ((first & 0xf0) !== version || found.length < headBytes)
        throw new MillraceError('MR_STATE_FORMAT', `a row of a join buffer begins with ${first} and has ${found.length} bytes`)
      const keyEnd = headBytes + found.readUInt32BE(17)
      const { headers, end } = (first & headersFlag) !== 0 ? decodeHeaders(found, keyEnd) : { headers: null, end: keyEnd }
      const bytes = (first & noValueFlag) !== 0 ? null : found.subarray(end)
      return {
        time: found.readDoubleBE(1),
        arrival: found.readDoubleBE(9),
        id: found.toString('latin1', headBytes, keyEnd),
        value: value.decode(bytes),
        bytes,
        isParked: (first & parkedFlag) !== 0,
        headers,
      }
    },
  })

const encodeRow = ({ time, arrival, id, bytes, isParked, headers }: Waiting<unknown>): Buffer => {
  const head = headers === null ? null : encodeHeaders(headers)
  const keyEnd = headBytes + id.length
  const valueAt = keyEnd + (head?.length ?? 0)
  const out = Buffer.allocUnsafe(valueAt + (bytes?.length ?? 0))
  out[0] = version | (isParked ? parkedFlag : 0) | (head === null ? 0 : headersFlag) | (bytes === null ? noValueFlag : 0)
  out.writeDoubleBE(time, 1)
  out.writeDoubleBE(arrival, 9)
  out.writeUInt32BE(id.length, 17)
  out.write(id, headBytes, 'latin1')
  if (head !== null) out.set(head, keyEnd)
  if (bytes !== null) out.set(bytes, valueAt)
  return out
}

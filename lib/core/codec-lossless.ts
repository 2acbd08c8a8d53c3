import { isDeepStrictEqual } from 'node:util'
import type { Codec } from './codec-port.js'

/**
 * Whether `value` comes back from its bytes as it was, to the last property. Throws what the codec throws.
 * For `testContext`, which tells of `MR_CODEC_LOSSY`: far too slow for anything else.
 */
export const lossless = <A>(codec: Codec<A>, value: A): boolean => {
  const bytes = codec.encode(value)
  // A copy, as the log makes one: a codec that hands out its input would otherwise be compared with itself.
  return isSame(value, codec.decode(bytes === null ? null : Buffer.from(bytes)))
}

/** Deep equality to which a Buffer and a Uint8Array of the same bytes are equal, also inside an Option or a windowed key. */
const isSame = (a: unknown, b: unknown): boolean => {
  if (isDeepStrictEqual(a, b)) return true
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (!isPlain(a) || !isPlain(b)) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

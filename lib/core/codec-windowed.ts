import { asBuffer } from './bytes.js'
import type { Codec } from './codec-port.js'
import { withShape } from './codec-shape.js'
import { toText } from './codec-text.js'
import { durationMs, type Duration } from './duration.js'
import { MillraceError } from './errors.js'
import type { Windowed } from './record.js'

const timeBytes = 8

/** Java's windowed keys: the inner key, then start (time window, its size known) or end and start (session), as longs. */
export const windowed = <K>(inner: Codec<K>, size?: Duration): Codec<Windowed<K>> => {
  const sizeMs = size === undefined ? null : durationMs(size, 'the window size of codec.windowed')
  const tail = sizeMs === null ? 2 * timeBytes : timeBytes
  const name = sizeMs === null ? `windowed(${inner.name})` : `windowed(${inner.name}, ${sizeMs}ms)`
  const { prepare } = inner
  const keyAhead = keyWriter(inner, name, tail)
  const codec: Codec<Windowed<K>> = {
    name,
    encode: (value) => {
      const out = keyAhead(value.key)
      if (sizeMs === null) writeTime(out, value.end, out.length - tail)
      else if (value.end - value.start !== sizeMs)
        throw new MillraceError('MR_ENCODE', `a window of ${value.end - value.start} ms is written with ${name}`)
      writeTime(out, value.start, out.length - timeBytes)
      return out
    },
    decode: (bytes) => {
      const key = inner.decode(head(bytes, tail, name))
      // `head` has refused null; the views below never outlive the call.
      const all = asBuffer(bytes ?? Buffer.alloc(0))
      const start = readTime(all, all.length - timeBytes)
      return { key, start, end: sizeMs === null ? readTime(all, all.length - tail) : start + sizeMs }
    },
    // What is too short is for `decode` to report.
    ...(prepare && {
      prepare: (bytes: Uint8Array | null) =>
        bytes === null || bytes.length < tail ? undefined : prepare.call(inner, head(bytes, tail, name)),
    }),
  }
  return withShape(codec, { kind: 'windowed', inner, sizeMs })
}

/** Gives the bytes of a key, and room for the bounds behind them. */
const keyWriter = <K>(inner: Codec<K>, name: string, room: number): ((key: K) => Buffer) => {
  const textOf = toText(inner)
  if (textOf)
    return (key) => {
      const text = textOf(key)
      const out = Buffer.allocUnsafe(Buffer.byteLength(text, 'utf8') + room)
      out.write(text, 'utf8')
      return out
    }
  return (key) => {
    const bytes = inner.encode(key)
    if (bytes === null) throw new MillraceError('MR_NULL', `the key of a window is written with ${name}, which has no form for null`)
    const out = Buffer.allocUnsafe(bytes.length + room)
    out.set(bytes)
    return out
  }
}

const head = (bytes: Uint8Array | null, tail: number, name: string): Uint8Array => {
  if (bytes === null) throw new MillraceError('MR_NULL', `there is no key where ${name} is expected`)
  if (bytes.length < tail) throw new MillraceError('MR_DECODE', `${bytes.length} bytes are too short for ${name}, which ends in ${tail}`)
  return bytes.subarray(0, bytes.length - tail)
}

// Two halves instead of a bigint: it is on the way of every windowed key.
const writeTime = (out: Buffer, ms: number, at: number): void => {
  if (!Number.isSafeInteger(ms)) throw new MillraceError('MR_ENCODE', `${ms} is not a bound of a window in whole ms`)
  out.writeInt32BE(Math.floor(ms / 2 ** 32), at)
  out.writeUInt32BE(ms >>> 0, at + 4)
}

const readTime = (bytes: Buffer, at: number): number => {
  const ms = bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
  if (!Number.isSafeInteger(ms)) throw new MillraceError('MR_DECODE', `a bound of a window lies beyond what a number holds exactly`)
  return ms
}

import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import type { Entry } from '../topology/operator.js'

/** What a key was at which time, oldest first; each holds until the next one. Never empty. */
export type History<A> = readonly Version<A>[]
export interface Version<A> {
  readonly timestamp: number
  /** Undefined: it was deleted then. */
  readonly value: A | undefined
}

/** As of a time; undefined: there was no row. */
export const versionAsOf = <A>(history: History<A>, time: number): Entry<A> | undefined => {
  for (let i = history.length - 1; i >= 0; i--) {
    const version = history[i] as Version<A>
    if (version.timestamp <= time) return rowOf(version)
  }
  return undefined
}

export const newestOf = <A>(history: History<A> | undefined): Version<A> | undefined => history?.[history.length - 1]

export const rowOf = <A>(version: Version<A> | undefined): Entry<A> | undefined =>
  version === undefined || version.value === undefined ? undefined : { value: version.value, timestamp: version.timestamp }

/** With one version more, in its place by time; one of the same time is replaced. What ended at or before `horizon` is left out. */
export const withVersion = <A>(history: History<A>, added: Version<A>, horizon: number): History<A> => {
  const all = [
    ...history.filter(({ timestamp }) => timestamp < added.timestamp),
    added,
    ...history.filter(({ timestamp }) => timestamp > added.timestamp),
  ]
  const first = all.findIndex((_, i) => i === all.length - 1 || (all[i + 1] as Version<A>).timestamp > horizon)
  return first <= 0 ? all : all.slice(first)
}

const formatVersion = 0x01

/** 0x01 ‖ count (u32), then of each: time (double) ‖ length (i32, -1: deleted) ‖ value */
export const historyCodec = <A>(value: Codec<A>): Codec<History<A>> =>
  Object.freeze({
    name: `history(${value.name})`,
    encode: (history: History<A>) => {
      const head = Buffer.allocUnsafe(5)
      head[0] = formatVersion
      head.writeUInt32BE(history.length, 1)
      return Buffer.concat([head, ...history.flatMap((version) => encodeVersion(value, version))])
    },
    decode: (bytes: Uint8Array | null) => decodeHistory(value, asBuffer(bytes ?? Buffer.alloc(0))),
  })

const encodeVersion = <A>(codec: Codec<A>, { timestamp, value }: Version<A>): readonly Buffer[] => {
  const bytes = value === undefined ? null : codec.encode(value)
  const head = Buffer.allocUnsafe(12)
  head.writeDoubleBE(timestamp)
  head.writeInt32BE(bytes === null ? -1 : bytes.length, 8)
  return bytes === null ? [head] : [head, asBuffer(bytes)]
}

const decodeHistory = <A>(codec: Codec<A>, bytes: Buffer): History<A> => {
  if (bytes[0] !== formatVersion)
    throw new MillraceError('MR_STATE_FORMAT', `a row of a versioned table begins with ${bytes[0] ?? 'nothing'}`)
  const history: Version<A>[] = []
  let at = 5
  for (let left = bytes.readUInt32BE(1); left > 0; left--) {
    const length = bytes.readInt32BE(at + 8)
    const start = at + 12
    const end = start + Math.max(0, length)
    history.push({ timestamp: bytes.readDoubleBE(at), value: length < 0 ? undefined : codec.decode(bytes.subarray(start, end)) })
    at = end
  }
  return history
}

import { asBuffer, type Allocate } from '../core/bytes.js'
import { MillraceError } from '../core/errors.js'

/**
 * The records of a changelog topic, version 1.
 *
 * key    0x01 ‖ the key of the row       value: the row's bytes as they are, null for a row that was deleted; its timestamp
 *        0x00 ‖ a reserved name          value: JSON with a version `v`
 *
 * The tag keeps the two apart whatever bytes a key has, and is the place for a later version. The reserved entry `commit`
 * opens the entries of each commit; `stream-time` says how far event time had come by then.
 */
const dataTag = 0x01
const reservedTag = 0x00

/** What identifies a commit: offsets alone do not. */
export interface CommitMark {
  /** A random id made with the file. */
  readonly writer: string
  readonly number: number
}

export type ChangelogEntry =
  | { readonly _tag: 'Data'; readonly key: Buffer; readonly value: Buffer | null; readonly timestamp: number }
  | { readonly _tag: 'Commit'; readonly mark: CommitMark }
  | { readonly _tag: 'StreamTime'; readonly time: number }
  /** Of a later version: to be passed over. */
  | { readonly _tag: 'Unknown'; readonly name: string }

export const dataKey = (key: Uint8Array, allocate: Allocate = Buffer.allocUnsafe): Buffer => {
  const out = allocate(key.length + 1)
  out[0] = dataTag
  out.set(key, 1)
  return out
}

const reservedKey = (name: string): Buffer => Buffer.concat([Buffer.of(reservedTag), Buffer.from(name)])

export const commitEntry = ({ writer, number }: CommitMark): { readonly key: Buffer; readonly value: Buffer } => ({
  key: reservedKey('commit'),
  value: Buffer.from(JSON.stringify({ v: 1, writer, number })),
})

export const streamTimeEntry = (time: number): { readonly key: Buffer; readonly value: Buffer } => ({
  key: reservedKey('stream-time'),
  value: Buffer.from(JSON.stringify({ v: 1, time })),
})

/**
 * What a record of a changelog says. Key and value are views into what was given.
 *
 * **Throws** `MR_STATE_FORMAT` on a record that no version of millrace known here has written.
 */
export const readChangelogEntry = (record: {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
}): ChangelogEntry => {
  // Of a record in its batch, both are made when asked for.
  const { key: tagged, value: bytes } = record
  const tag = tagged?.[0]
  if (tagged === null || (tag !== dataTag && tag !== reservedTag)) throw foreign(`its key begins with ${tag ?? 'nothing'}`)
  const key = asBuffer(tagged).subarray(1)
  const value = bytes === null ? null : asBuffer(bytes)
  if (tag === dataTag) return { _tag: 'Data', key, value, timestamp: record.timestamp }
  const name = key.toString('utf8')
  if (name === 'commit') return { _tag: 'Commit', mark: readMark(value) }
  return name === 'stream-time' ? { _tag: 'StreamTime', time: readTime(value) } : { _tag: 'Unknown', name }
}

const readMark = (value: Buffer | null): CommitMark => {
  const read = parse(value)
  if (read?.v !== 1 || typeof read.writer !== 'string' || typeof read.number !== 'number')
    throw foreign('its commit entry has another format')
  return { writer: read.writer, number: read.number }
}

const readTime = (value: Buffer | null): number => {
  const read = parse(value)
  if (read?.v !== 1 || typeof read.time !== 'number') throw foreign('its stream time has another format')
  return read.time
}

const parse = (
  value: Buffer | null,
): { readonly v?: unknown; readonly writer?: unknown; readonly number?: unknown; readonly time?: unknown } | null => {
  try {
    const read: unknown = JSON.parse(value?.toString('utf8') ?? 'null')
    return typeof read === 'object' ? read : null
  } catch {
    return null
  }
}

const foreign = (what: string): MillraceError =>
  new MillraceError('MR_STATE_FORMAT', `a record of the changelog was not written by this version: ${what}`)

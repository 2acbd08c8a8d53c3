import { fromNullable, map, type Option } from 'fp-ts/lib/Option.js'
import { MillraceError } from '../core/errors.js'
import type { Codec } from '../core/codec.js'
import type { Windowed } from '../core/record.js'
import type { Entry, TableStore } from '../topology/operator.js'

export interface Range<K> {
  readonly from?: K | undefined
  readonly to?: K | undefined
  readonly prefix?: K | undefined
  readonly limit?: number | undefined
  readonly reverse?: boolean | undefined
}
type Found<K, A> = readonly [key: K, entry: Entry<A>, encodedKey: Uint8Array]

export const valueOf = <A>(entry: Entry<A> | undefined): Option<A> => map((found: Entry<A>) => found.value)(fromNullable(entry))

/** The rows of several partitions as one, in order of the encoded keys; no key is in two of them. */
export function* readRange<K, A>(partitions: readonly TableStore<K, A>[], key: Codec<K>, range: Range<K> = {}): Generator<readonly [K, A]> {
  const limit = range.limit ?? Infinity
  if (limit !== Infinity && !(Number.isInteger(limit) && limit >= 0)) {
    throw new MillraceError('MR_CONFIG', `entries: limit is ${String(limit)}, not a whole number from 0 on`)
  }
  const reverse = range.reverse === true
  const bounds = { ...boundsOf(key, range), reverse }
  let left = limit
  if (left === 0) return
  for (const [found, entry] of inOrder(
    partitions.map((rows) => rows.entries(bounds)),
    reverse,
  )) {
    yield [found, entry.value]
    if (--left === 0) return
  }
}

/** The windows of one key in a partition, by start; `from` inclusive, `to` exclusive. */
export const windowsIn = <K, A>(
  rows: TableStore<Windowed<K>, A>,
  key: Codec<K>,
  of: K,
  { from = -Infinity, to = Infinity }: { readonly from?: number | undefined; readonly to?: number | undefined } = {},
): readonly (readonly [Windowed<K>, A])[] => {
  const bytes = key.encode(of)
  if (bytes === null) return []
  // The bytes of a windowed key begin with those of its key, and so do those of longer keys that begin alike.
  const after = afterPrefix(bytes)
  return [...rows.entries({ from: bytes, ...(after && { to: after }) })]
    .filter(([found]) => found.start >= from && found.start < to && Buffer.compare(key.encode(found.key) ?? bytes, bytes) === 0)
    .map(([found, entry]) => [found, entry.value] as const)
    .sort(([a], [b]) => a.start - b.start)
}

/** `prefix` is a range too: up to the first bytes that no longer begin with it. */
const boundsOf = <K>(key: Codec<K>, { from, to, prefix }: Range<K>): { from?: Uint8Array; to?: Uint8Array } => {
  const least = [encoded(key, from), encoded(key, prefix)]
    .filter((bytes) => bytes !== null)
    .sort(Buffer.compare)
    .pop()
  const most = [encoded(key, to), afterPrefix(encoded(key, prefix))].filter((bytes) => bytes !== null).sort(Buffer.compare)[0]
  return { ...(least && { from: least }), ...(most && { to: most }) }
}

/** A null key has no bytes and no row: as a bound it bounds nothing. */
const encoded = <K>(key: Codec<K>, bound: K | undefined): Uint8Array | null => (bound === undefined ? null : key.encode(bound))

const afterPrefix = (prefix: Uint8Array | null): Uint8Array | null => {
  if (prefix === null) return null
  const last = prefix.findLastIndex((byte) => byte !== 0xff)
  if (last === -1) return null
  const after = Buffer.from(prefix.subarray(0, last + 1))
  after[last] = (after[last] ?? 0) + 1
  return after
}

function* inOrder<K, A>(inputs: readonly Iterable<Found<K, A>>[], reverse: boolean): Generator<Found<K, A>> {
  const iterators = inputs.map((input) => input[Symbol.iterator]())
  const heads = iterators.map((iterator) => iterator.next())
  try {
    for (;;) {
      let best = -1
      let bestRow: Found<K, A> | null = null
      for (const [i, head] of heads.entries()) {
        if (head.done === true) continue
        const order = bestRow === null ? -1 : Buffer.compare(head.value[2], bestRow[2])
        if (order === 0 || order < 0 === (reverse && bestRow !== null)) continue
        best = i
        bestRow = head.value
      }
      const iterator = iterators[best]
      if (bestRow === null || iterator === undefined) return
      yield bestRow
      heads[best] = iterator.next()
    }
  } finally {
    for (const iterator of iterators) iterator.return?.()
  }
}

import { asBuffer } from '../core/bytes.js'
import type { Timed } from './overlay-cell.js'
import type { ByteRange } from './port.js'

/** A row as its reader sees it, with the encoded key that its place in the order comes from. */
export type TypedRow<K, A> = readonly [key: K, entry: Timed<A>, encodedKey: Uint8Array]

/** A row that is dirty; no entry: it is deleted. */
export interface Change<K, A> {
  readonly key: K
  readonly keyBytes: Buffer
  readonly entry: Timed<A> | undefined
}

/** The rows of the file with the changes over them, however long the reading takes. */
export const mergeRows = <K, A>(
  all: readonly Change<K, A>[],
  rows: Iterable<TypedRow<K, A>>,
  range: ByteRange,
): Iterable<TypedRow<K, A>> => {
  const sign = range.reverse === true ? -1 : 1
  const changes = all.filter(({ keyBytes }) => isWithin(keyBytes, range)).sort((a, b) => sign * a.keyBytes.compare(b.keyBytes))
  return changes.length === 0 ? rows : merge(changes, rows, sign)
}

const isWithin = (key: Buffer, { from, to }: ByteRange): boolean =>
  (from === undefined || key.compare(asBuffer(from)) >= 0) && (to === undefined || key.compare(asBuffer(to)) < 0)

function* merge<K, A>(changes: readonly Change<K, A>[], rows: Iterable<TypedRow<K, A>>, sign: 1 | -1): Generator<TypedRow<K, A>> {
  let next = 0
  for (const row of rows) {
    let isReplaced = false
    for (let change = changes[next]; change !== undefined; change = changes[next]) {
      const order = sign * change.keyBytes.compare(asBuffer(row[2]))
      if (order > 0) break
      next++
      if (change.entry !== undefined) yield [change.key, change.entry, change.keyBytes]
      if (order === 0) isReplaced = true
    }
    if (!isReplaced) yield row
  }
  for (; next < changes.length; next++) {
    const change = changes[next]
    if (change?.entry !== undefined) yield [change.key, change.entry, change.keyBytes]
  }
}

import type { Codec } from '../../core/codec.js'
import { codec } from '../../core/codec.js'
import type { Windowed } from '../../core/record.js'
import type { RowPlace } from '../../topology/operator.js'
import type { Bounds } from '../../window/bounds.js'

/** A key as something a Map finds again: a text whose order, by `comesBefore`, is that of the encoded keys. */
export type KeyId = string

/** The open windows of a key: found once per record, and then at hand. */
export class KeyWindows<K> {
  /** It leads to the older ones. */
  newest: WindowRow<K> | null = null
  /** Of them, and of those that are closed and still to be read. */
  rows = 0

  constructor(readonly id: KeyId) {}

  find(start: number): WindowRow<K> | null {
    for (let row = this.newest; row !== null; row = row.older) if (row.start <= start) return row.start === start ? row : null
    return null
  }

  add(row: WindowRow<K>): void {
    let newer: WindowRow<K> | null = null
    let older = this.newest
    while (older !== null && older.start > row.start) {
      newer = older
      older = older.older
    }
    row.older = older
    if (newer === null) this.newest = row
    else newer.older = row
  }

  remove(row: WindowRow<K>): void {
    if (this.newest === row) this.newest = row.older
    else {
      let newer = this.newest
      while (newer !== null && newer.older !== row) newer = newer.older
      if (newer !== null) newer.older = row.older
    }
    row.older = null
  }
}

/**
 * A window of a key. Its result is in the store; one of these per live window is what windows cost in memory, and to reach what it
 * leads to is what they cost in time.
 */
export class WindowRow<K> implements Bounds {
  isOpen = false
  /** Of the same key, the next older. */
  older: WindowRow<K> | null = null
  /** Not in the store. */
  isNew = true
  /** Where the store has it. */
  place: RowPlace | undefined = undefined
  /** What it waits for in a queue: a session that has grown since is queued anew when its old turn comes. */
  queuedAs: Bounds | null = null
  start: number
  end: number

  constructor(
    readonly of: KeyWindows<K>,
    /** The key of its row in the store: what it was when it was opened. */
    readonly storedAs: Windowed<K>,
    { start, end }: Bounds = storedAs,
  ) {
    this.start = start
    this.end = end
  }

  /** What it is now. Only a session is ever anything else than it was. */
  get windowed(): Windowed<K> {
    const { storedAs, start, end } = this
    return isSame(storedAs, this) ? storedAs : windowOf(storedAs.key, start, end)
  }
}

export const isSame = (a: Bounds, b: Bounds): boolean => a.start === b.start && a.end === b.end

export const windowOf = <K>(key: K, start: number, end: number): Windowed<K> => Object.freeze({ key, start, end })

/** The id of a key: itself where it is a string, else the text of its bytes. */
export const idsOf = <K>(key: Codec<K>): ((value: K) => KeyId) =>
  (key as unknown) === codec.string
    ? // A codec for strings has strings for keys.
      (value) => value as string
    : (value) => Buffer.from(key.encode(value) ?? []).toString('latin1')

/** The order of the UTF-8 bytes: that of the code units, but that surrogates stand for what lies beyond U+FFFF. */
export const comesBefore = (a: KeyId, b: KeyId): boolean => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (left !== right) return beyond(left) < beyond(right)
  }
  return a.length < b.length
}

const beyond = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit)

/**
 * Bytes at rest: what a task needs from its file. Two implementations, `lmdb.ts` and `memory.ts`, and one specification.
 * Above it, `overlay.ts` gives typed stores whose writes stay in memory until the commit.
 */
export interface StateFile {
  /** Reserved entries: writer, commit number, offsets, stream times, format. Values are JSON. */
  readonly meta: MetaStore
  /** False for stores in memory, and so for what a restart finds of them. */
  readonly isDurable: boolean
  /** Opens a named store; the same name gives the same store. */
  store(name: string): ByteStore
  /**
   * All puts and removes done inside `write`, in any store and in meta, become visible and durable together, or not at all:
   * a throw inside rolls back. Rejects nothing, returns nothing: it is synchronous. Throws `MR_STATE_WRITE` (disk full).
   */
  commit(write: () => void): void
  /** Flushes, closes, leaves the mark of a clean shutdown. Idempotent. */
  close(): void
  /** Closes and removes everything. */
  destroy(): void
}

export interface MetaStore {
  get(key: string): unknown
  /** Only inside `commit`. Undefined removes the entry. */
  put(key: string, value: unknown): void
}

/** Ordered by the bytes of the keys. Keys have any length, also 0 and beyond what the engine takes. */
export interface ByteStore {
  readonly name: string
  get(key: Uint8Array): Row | undefined
  /** Only inside `commit`. */
  put(key: Uint8Array, row: Row): void
  /** Only inside `commit`. */
  remove(key: Uint8Array): void
  /** Only inside `commit`. */
  clear(): void
  /** `from` inclusive, `to` exclusive. Pages internally: it may be held across awaits and commits. */
  entries(range?: ByteRange): Iterable<readonly [key: Buffer, row: Row]>
  count(): number
}
export interface ByteRange {
  readonly from?: Uint8Array
  readonly to?: Uint8Array
  readonly reverse?: boolean
}
/** A value as its changelog record has it, with the time of its record. */
export interface Row {
  readonly value: Uint8Array
  /** ms since the epoch. */
  readonly timestamp: number
}

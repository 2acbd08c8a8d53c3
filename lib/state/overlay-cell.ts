/** A value with the time of its row. Never changed: whoever holds one may keep it. */
export interface Timed<A> {
  readonly value: A
  /** ms since the epoch. */
  readonly timestamp: number
}

/** What a commit writes for one key: the same bytes go to the changelog and to the file. */
export interface DirtyRow {
  readonly key: Buffer
  /** Null: the row is deleted. */
  readonly value: Buffer | null
  readonly timestamp: number
}

/** What the overlay knows of one key. Undefined is knowledge too: there is no row. */
export class Cell<K, A> {
  entry: Timed<A> | undefined
  /** Of the deletion, when there is no entry. */
  deletedAt = 0
  isDirty = false
  /** Used again since it was made or last spared. */
  isRecent = false
  /** Undefined when the cell has changed since. */
  encoded: DirtyRow | undefined

  constructor(
    /** Its key in the map of cells. */
    readonly id: unknown,
    readonly key: K,
    readonly keyBytes: Buffer,
    entry: Timed<A> | undefined,
  ) {
    this.entry = entry
  }
}

/** A value with the time of its row. Never changed: whoever holds one may keep it. */
export interface Timed<A> {
  readonly value: A
  /** ms since the epoch. */
  readonly timestamp: number
}

/** What a commit writes for one key: the same bytes go to the changelog and to the file. A value of null: the row is deleted. */
export type DirtyRow =
  | { readonly key: Buffer; readonly value: Buffer; readonly timestamp: number }
  | { readonly key: Buffer; readonly value: null; readonly timestamp: number }

/** What the overlay knows of one key. No entry is knowledge too: there is no row. */
export class Cell<K, A> {
  entry: Timed<A> | undefined
  /** Of the deletion, when there is no entry. */
  deletedAt = 0
  isDirty = false
  /** Undefined when the cell has changed since. */
  encoded: DirtyRow | undefined = undefined
  /** Of the cells it was used with last. */
  generation = -1

  constructor(
    /** Undefined: only who keeps the cell finds it. */
    readonly id: CellId | undefined,
    readonly key: K,
    entry: Timed<A> | undefined,
  ) {
    this.entry = entry
  }
}

/** The key itself, or the latin1 text of its bytes. */
export type CellId = string | number

/**
 * The cells of a store, by id, in two generations. When the young one is full it becomes the old one, and the old one is
 * forgotten as a whole; what is used moves to the young one. So the most recently used are kept, and to evict costs nothing
 * per cell, where a list in order of use would cost a microsecond. Dirty cells are always in the young one.
 */
export class Cells<K, A> {
  private young = new Map<CellId, Cell<K, A>>()
  private old = new Map<CellId, Cell<K, A>>()
  private generation = 0

  /** How many clean cells there may be: half of them young. */
  constructor(private readonly maxClean: number) {}

  get(id: CellId): Cell<K, A> | undefined {
    return this.young.get(id) ?? this.revive(id)
  }

  private revive(id: CellId): Cell<K, A> | undefined {
    const cell = this.old.get(id)
    if (cell !== undefined) this.add(cell)
    return cell
  }

  /** A cell that somebody has kept. One that was forgotten meanwhile is true as long as nobody else has written its row. */
  at(cell: Cell<K, A>): Cell<K, A> {
    if (cell.generation === this.generation || cell.id === undefined) return cell
    const known = this.get(cell.id) ?? cell
    this.add(known)
    return known
  }

  /** Without counting as a use. */
  peek(id: CellId): Cell<K, A> | undefined {
    return this.young.get(id) ?? this.old.get(id)
  }

  add(cell: Cell<K, A>): void {
    if (cell.id === undefined) return
    cell.generation = this.generation
    this.young.set(cell.id, cell)
  }

  remove(cell: Cell<K, A>): void {
    if (cell.id === undefined) return
    cell.generation = -1
    this.young.delete(cell.id)
    this.old.delete(cell.id)
  }

  isFull(dirty: number): boolean {
    return this.young.size - dirty >= this.maxClean / 2
  }

  /** The dirty ones stay. */
  age(dirty: readonly Cell<K, A>[]): void {
    this.old = this.young
    this.young = new Map()
    this.generation++
    for (const cell of dirty) this.add(cell)
  }
}

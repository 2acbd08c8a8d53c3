import { asBuffer } from '../core/bytes.js'
import { codec, type Codec } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import { Cell, Cells, type CellId, type DirtyRow, type Timed } from './overlay-cell.js'
import { mergeRows, type TypedRow } from './overlay-rows.js'
import type { ByteRange, ByteStore, Row } from './port.js'

export interface OverlayOptions<K, A> {
  readonly store: ByteStore
  readonly key: Codec<K>
  readonly value: Codec<A>
  /** Clean entries kept decoded, or as many as the last commit wrote. Default 100,000. */
  readonly maxCached?: number
}

/** Rows as of the last commit. */
export interface CommittedRows<K, A> {
  get(key: K): Timed<A> | undefined
  entries(range?: ByteRange): Iterable<TypedRow<K, A>>
}

/**
 * A typed store whose writes stay in a Map until the commit. Reads go to the Map, then to the file; misses are kept too.
 *
 * A commit is: `dirty()`, whose bytes may be sent to the changelog first; `flush()` inside `StateFile.commit`; `flushed()`
 * after it. What is written between `dirty()` and `flushed()` stays dirty for the next one. `drop()` goes back to the last commit.
 *
 * Values are never changed in place: the Map, the file and those who got one would disagree.
 */
export class Overlay<K, A> {
  /** As the file has them, whatever is dirty. */
  readonly committed: CommittedRows<K, A>
  private readonly cells: Cells<K, A>
  private changed: Cell<K, A>[] = []
  private encodedCount = 0
  private pending: readonly DirtyRow[] | null = null
  private estimatedBytes = 0
  private time = -1
  private committingTime = -1
  private committedTime = -1
  private averageValueBytes = 128
  private averageKeyBytes = 32
  /** Of `changed`, those that are found by their key. */
  private foundCount = 0
  private hasLoose = false
  private isLookedUp = false
  private readonly directType: 'string' | 'number' | null
  // A set mostly follows a get of the same key.
  private lastKey: K | undefined
  private lastCell: Cell<K, A> | null = null

  constructor(private readonly options: OverlayOptions<K, A>) {
    this.directType = directType(options.key)
    this.cells = new Cells(options.maxCached ?? 100_000)
    this.committed = { get: (key) => this.getCommitted(key), entries: (range) => this.committedRows(range) }
  }

  /** `at`: what `set` gave for the same key, if nobody else writes it. */
  get(key: K, at?: unknown): Timed<A> | undefined {
    return (this.placed(at) ?? this.hit(key) ?? this.lookUp(key, 'read')).entry
  }

  /**
   * The same value at the same time is no change. An object that is not frozen counts as changed: it may have been changed in
   * place, against the rules, and to leave out its write would lose that in silence. Gives the place of the row.
   */
  set(key: K, value: A, timestamp: number, at?: unknown): unknown {
    const cell = this.placed(at) ?? this.hit(key) ?? this.lookUp(key, 'blind')
    const before = cell.entry
    if (before !== undefined && before.value === value && before.timestamp === timestamp && isImmutable(value)) return cell
    cell.entry = { value, timestamp }
    this.markDirty(cell)
    return cell
  }

  /**
   * Of a row that is not there, and that only who has its place will write. Where nobody else reads it either, it is not put where it
   * would be found by its key, which is encoded no sooner than the commit needs it. Gives the place.
   */
  insert(key: K, value: A, timestamp: number): unknown {
    if (this.isLookedUp) return this.set(key, value, timestamp)
    const cell = new Cell<K, A>(undefined, key, { value, timestamp })
    this.hasLoose = true
    this.markDirty(cell)
    return cell
  }

  /** Before the first `insert`. */
  expectLookups(): void {
    this.isLookedUp = true
  }

  /** Of a row that is not there: nothing. */
  delete(key: K, timestamp: number, at?: unknown): void {
    const cell = this.placed(at) ?? this.hit(key) ?? this.lookUp(key, 'read')
    if (cell.entry === undefined) return
    cell.entry = undefined
    cell.deletedAt = timestamp
    this.markDirty(cell)
  }

  /** In order of the encoded keys. Writes of later than the call may be missing; those before it are there. */
  entries(range: ByteRange = {}): Iterable<TypedRow<K, A>> {
    const changes = this.changed.map(({ key, entry }) => ({ key, keyBytes: this.encodeKey(key), entry }))
    return mergeRows(changes, this.committedRows(range), range)
  }

  /** The largest event time of whoever owns the store; -1 before the first. */
  get streamTime(): number {
    return this.time
  }

  advanceTo(time: number): void {
    if (time > this.time) this.time = time
  }

  /** What the last commit, or a changelog, has told. */
  recoverTime(time: number): void {
    if (time <= this.committedTime) return
    this.committedTime = this.committingTime = time
    this.advanceTo(time)
  }

  /** Stream time has moved since the last commit. */
  get hasMovedOn(): boolean {
    return this.time !== this.committedTime
  }

  /** As of `dirty()`: what a commit writes. */
  get timeToCommit(): number {
    return this.committingTime
  }

  /** The time to be committed is not the one that was. */
  get isTimeDirty(): boolean {
    return this.committingTime !== this.committedTime
  }

  get dirtyCount(): number {
    return this.changed.length
  }

  /** An estimate: sizes of strings and bytes as they are, of others the average of earlier commits. */
  get dirtyBytes(): number {
    return this.estimatedBytes
  }

  /** One row per changed key, in order of the first change. A key is encoded once, however often this is called. */
  dirty(): readonly DirtyRow[] {
    let [keyBytes, valueBytes] = [0, 0]
    const rows = this.changed.map((cell) => {
      const row = (cell.encoded ??= this.encode(cell))
      keyBytes += row.key.length
      valueBytes += row.value?.length ?? 0
      return row
    })
    if (rows.length > 0) {
      this.averageKeyBytes = keyBytes / rows.length
      this.averageValueBytes = valueBytes / rows.length
    }
    this.pending = rows
    this.committingTime = this.time
    return rows
  }

  /** Ahead of `dirty()`, some of it; false: nothing is left. */
  encodeSome(count: number): boolean {
    const { changed } = this
    const end = Math.min(changed.length, this.encodedCount + count)
    for (let cell = changed[this.encodedCount]; cell !== undefined && this.encodedCount < end; cell = changed[++this.encodedCount])
      cell.encoded ??= this.encode(cell)
    return this.encodedCount < changed.length
  }

  /** Inside `StateFile.commit`: writes what `dirty()` has given. */
  flush(): void {
    const { store } = this.options
    for (const row of this.pending ?? this.dirty()) {
      if (row.value === null) store.remove(row.key)
      else store.put(row.key, row)
    }
  }

  /** After `StateFile.commit`. */
  flushed(): void {
    const { changed } = this
    this.committedTime = this.committingTime
    this.startOver()
    for (const cell of changed) {
      cell.isDirty = false
      if (cell.encoded === undefined) {
        this.markDirty(cell)
        continue
      }
      // A value that its codec writes as null is a deletion: a restart would find no row.
      if (cell.encoded.value === null) cell.entry = undefined
      cell.encoded = undefined
    }
    this.makeRoom()
  }

  /** Forgets what was not committed; the places that were given are void. */
  drop(): void {
    for (const cell of this.changed) this.cells.remove(cell)
    this.time = this.committingTime = this.committedTime
    this.startOver()
    this.lastCell = null
  }

  private startOver(): void {
    this.changed = []
    this.foundCount = 0
    this.encodedCount = 0
    this.pending = null
    this.estimatedBytes = 0
  }

  /** The hot path: nothing is encoded. */
  private hit(key: K): Cell<K, A> | undefined {
    if (key === this.lastKey && this.lastCell !== null) return this.lastCell
    if (!this.isDirect(key)) return undefined
    const cell = this.cells.get(key)
    if (cell === undefined) return undefined
    this.lastKey = key
    this.lastCell = cell
    return cell
  }

  private placed(at: unknown): Cell<K, A> | undefined {
    // Nothing but `set` makes places, of the cells of this store.
    return at === undefined ? undefined : this.cells.at(at as Cell<K, A>)
  }

  private lookUp(key: K, how: 'read' | 'blind'): Cell<K, A> {
    const keyBytes = this.encodeKey(key)
    const id = this.idOf(key, keyBytes)
    const known = id === key && this.isDirect(key) ? undefined : this.cells.get(id) // `hit` has looked for it
    if (known !== undefined) return known
    const row = how === 'read' ? this.options.store.get(keyBytes) : undefined
    const cell = new Cell(id, key, row && this.decode(row))
    this.makeRoom()
    this.cells.add(cell)
    return cell
  }

  /** The key itself is its id where equal keys have equal bytes and different ones different bytes. 0 and -0 are one key to a Map. */
  private isDirect(key: K): key is K & CellId {
    return this.directType === 'string' ? typeof key === 'string' : this.directType === 'number' && typeof key === 'number' && key !== 0
  }

  private idOf(key: K, keyBytes: Buffer): CellId {
    if (!this.isDirect(key)) return keyBytes.toString('latin1')
    // Half a surrogate pair is written as U+FFFD, as are all others: they are one key.
    return typeof key === 'string' && loneSurrogate.test(key) ? keyBytes.toString('utf8') : key
  }

  private markDirty(cell: Cell<K, A>): void {
    cell.encoded = undefined
    if (cell.isDirty) return
    cell.isDirty = true
    this.changed.push(cell)
    if (cell.id !== undefined) this.foundCount++
    this.estimatedBytes += rowOverhead + (sizeOf(cell.id) ?? this.averageKeyBytes) + (sizeOf(cell.entry?.value) ?? this.averageValueBytes)
  }

  private encode({ key, entry, deletedAt }: Cell<K, A>): DirtyRow {
    const keyBytes = this.encodeKey(key)
    if (entry === undefined) return { key: keyBytes, value: null, timestamp: deletedAt }
    const value = this.options.value.encode(entry.value)
    return value === null
      ? { key: keyBytes, value, timestamp: entry.timestamp }
      : { key: keyBytes, value: asBuffer(value), timestamp: entry.timestamp }
  }

  private encodeKey(key: K): Buffer {
    const bytes = this.options.key.encode(key)
    if (bytes === null) throw new MillraceError('MR_ENCODE', `a null key cannot be kept in store ${this.options.store.name}`)
    return asBuffer(bytes)
  }

  private decode(row: Row): Timed<A> {
    return { value: this.options.value.decode(row.value), timestamp: row.timestamp }
  }

  private getCommitted(key: K): Timed<A> | undefined {
    const keyBytes = this.encodeKey(key)
    // One that was found by its key may know nothing of one that was not.
    const cell = this.hasLoose ? undefined : this.cells.peek(this.idOf(key, keyBytes))
    if (cell !== undefined && !cell.isDirty) return cell.entry
    const row = this.options.store.get(keyBytes)
    return row && this.decode(row)
  }

  private *committedRows(range: ByteRange = {}): Generator<TypedRow<K, A>> {
    for (const [key, row] of this.options.store.entries(range)) yield [this.options.key.decode(key), this.decode(row), key]
  }

  private makeRoom(): void {
    if (!this.cells.isFull(this.foundCount)) return
    this.cells.age(this.changed)
    this.lastCell = null
  }
}

const rowOverhead = 32
const sizeOf = (value: unknown): number | undefined => (typeof value === 'string' || value instanceof Uint8Array ? value.length : undefined)
const loneSurrogate = /\p{Surrogate}/u

const directType = (key: unknown): 'string' | 'number' | null => (key === codec.string ? 'string' : key === codec.number ? 'number' : null)

const isImmutable = (value: unknown): boolean => typeof value !== 'object' || value === null || Object.isFrozen(value)

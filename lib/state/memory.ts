import { asBuffer } from '../core/bytes.js'
import { CommitScope } from './commit-scope.js'
import { KeyOrder, lowerBound, upperBound } from './key-order.js'
import type { ByteRange, ByteStore, MetaStore, Row, StateFile } from './port.js'

/** The port in memory: nothing of it is found by a restart. */
export const openMemoryFile = (): StateFile => new MemoryFile()

class MemoryFile implements StateFile {
  readonly isDurable = false
  readonly meta: MetaStore
  private readonly scope = new CommitScope()
  private readonly journal = new Journal()
  private readonly stores = new Map<string, MemoryStore>()

  constructor() {
    this.meta = metaStore(this.scope, this.journal)
  }

  store(name: string): ByteStore {
    const known = this.stores.get(name)
    if (known) return known
    this.scope.assertIdle('store()')
    const store = new MemoryStore(name, this.scope, this.journal)
    this.stores.set(name, store)
    return store
  }

  commit(write: () => void): void {
    this.scope.assertIdle('commit()') // before the journal of the outer one is touched
    try {
      this.scope.run(write)
    } catch (error) {
      this.journal.undo()
      for (const store of this.stores.values()) store.reorder()
      throw error
    } finally {
      this.journal.forget()
    }
  }

  close(): void {
    this.scope.assertIdle('close()')
  }

  destroy(): void {
    this.scope.assertIdle('destroy()')
    this.stores.clear()
  }
}

interface Rows {
  restore(text: string, before: Stored | undefined): void
}

/** What a commit has replaced. Three arrays, as an object for each write is what such a commit would mostly cost. */
class Journal {
  private readonly rows: Rows[] = []
  private readonly texts: string[] = []
  private readonly befores: (Stored | undefined)[] = []
  private readonly cleared: (() => void)[] = []

  note(rows: Rows, text: string, before: Stored | undefined): void {
    this.rows.push(rows)
    this.texts.push(text)
    this.befores.push(before)
  }

  noteClear(undo: () => void): void {
    this.cleared.push(undo)
  }

  undo(): void {
    for (let i = this.rows.length - 1; i >= 0; i--) this.rows[i]?.restore(this.texts[i] ?? '', this.befores[i])
    for (const undo of this.cleared.toReversed()) undo()
  }

  forget(): void {
    this.rows.length = this.texts.length = this.befores.length = this.cleared.length = 0
  }
}

const metaStore = (scope: CommitScope, journal: Journal): MetaStore => {
  const values = new RowMap()
  return {
    get: (key) => {
      const text = values.get(key)?.value
      return text === undefined ? undefined : JSON.parse(text)
    },
    put: (key, value) => {
      scope.assertActive()
      journal.note(values, key, values.get(key))
      values.restore(key, value === undefined ? undefined : { value: JSON.stringify(value), timestamp: 0 })
    },
  }
}

/** Text, as latin1: a string costs the garbage collector far less than a Buffer. */
interface Stored {
  readonly value: string
  readonly timestamp: number
}

/** By latin1 text of the key, whose order as a string is that of the bytes. */
class RowMap extends Map<string, Stored> implements Rows {
  restore(text: string, before: Stored | undefined): void {
    if (before === undefined) this.delete(text)
    else this.set(text, before)
  }
}

const pageSize = 256

class MemoryStore implements ByteStore {
  private rows = new RowMap()
  private order = new KeyOrder()

  constructor(
    readonly name: string,
    private readonly scope: CommitScope,
    private readonly journal: Journal,
  ) {}

  get(key: Uint8Array): Row | undefined {
    const stored = this.rows.get(textOf(key))
    return stored && rowOf(stored)
  }

  put(key: Uint8Array, row: Row): void {
    this.scope.assertActive()
    const text = textOf(key)
    const before = this.rows.get(text)
    this.journal.note(this.rows, text, before)
    this.rows.set(text, { value: textOf(row.value), timestamp: row.timestamp })
    if (before === undefined) this.order.add(text)
  }

  remove(key: Uint8Array): void {
    this.scope.assertActive()
    const text = textOf(key)
    const before = this.rows.get(text)
    if (before === undefined) return
    this.journal.note(this.rows, text, before)
    this.rows.delete(text)
  }

  clear(): void {
    this.scope.assertActive()
    const { rows } = this
    this.journal.noteClear(() => {
      this.rows = rows
    })
    this.rows = new RowMap()
    this.order = new KeyOrder()
  }

  count(): number {
    return this.rows.size
  }

  /** After a rollback: the order may lack what is back. */
  reorder(): void {
    this.order = new KeyOrder(this.rows.keys())
  }

  *entries(range: ByteRange = {}): Generator<readonly [key: Buffer, row: Row]> {
    const from = range.from === undefined ? '' : textOf(range.from)
    const to = range.to === undefined ? null : textOf(range.to)
    const isReverse = range.reverse === true
    let last: string | null = null
    for (;;) {
      const page: string[] = isReverse ? this.pageBefore(last ?? to, from) : this.pageAfter(last, from, to)
      if (page.length === 0) return
      last = page[page.length - 1] ?? null
      const found = page.map((text) => this.rows.get(text))
      for (const [i, stored] of found.entries()) if (stored) yield [bytesOf(page[i] ?? ''), rowOf(stored)]
    }
  }

  private pageAfter(last: string | null, from: string, to: string | null): string[] {
    const keys = this.order.sorted(this.rows)
    const start = last === null ? lowerBound(keys, from) : upperBound(keys, last)
    const end = to === null ? keys.length : lowerBound(keys, to)
    return keys.slice(start, Math.min(end, start + pageSize))
  }

  private pageBefore(end: string | null, from: string): string[] {
    const keys = this.order.sorted(this.rows)
    const stop = end === null ? keys.length : lowerBound(keys, end)
    return keys.slice(Math.max(lowerBound(keys, from), stop - pageSize), stop).reverse()
  }
}

const textOf = (bytes: Uint8Array): string => asBuffer(bytes).toString('latin1')
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')
const rowOf = ({ value, timestamp }: Stored): Row => ({ value: bytesOf(value), timestamp })

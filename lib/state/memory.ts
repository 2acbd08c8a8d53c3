import { asBuffer } from '../core/bytes.js'
import { CommitScope } from './commit-scope.js'
import type { ByteRange, ByteStore, MetaStore, Row, StateFile } from './port.js'

/** The port in memory: nothing of it is found by a restart. */
export const openMemoryFile = (): StateFile => new MemoryFile()

type Undo = () => void

class MemoryFile implements StateFile {
  readonly isDurable = false
  readonly meta: MetaStore
  private readonly scope = new CommitScope()
  private readonly journal: Undo[] = []
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
      for (const undo of this.journal.toReversed()) undo()
      throw error
    } finally {
      this.journal.length = 0
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

const metaStore = (scope: CommitScope, journal: Undo[]): MetaStore => {
  const values = new Map<string, string | undefined>()
  return {
    get: (key) => {
      const text = values.get(key)
      return text === undefined ? undefined : JSON.parse(text)
    },
    put: (key, value) => {
      scope.assertActive()
      const before = values.get(key)
      journal.push(() => values.set(key, before))
      values.set(key, JSON.stringify(value))
    },
  }
}

interface Stored {
  readonly key: Buffer
  readonly row: Row
}

const pageSize = 256

class MemoryStore implements ByteStore {
  // By latin1 text of the key, whose order as a string is that of the bytes.
  private rows = new Map<string, Stored>()
  private readonly order = new KeyOrder()

  constructor(
    readonly name: string,
    private readonly scope: CommitScope,
    private readonly journal: Undo[],
  ) {}

  get(key: Uint8Array): Row | undefined {
    return this.rows.get(textOf(key))?.row
  }

  put(key: Uint8Array, row: Row): void {
    this.scope.assertActive()
    const text = textOf(key)
    const { rows } = this
    const before = rows.get(text)
    this.journal.push(before ? () => rows.set(text, before) : () => rows.delete(text))
    // Copies: the caller may have handed in views into a batch.
    rows.set(text, { key: before?.key ?? Buffer.from(key), row: { value: Buffer.from(row.value), timestamp: row.timestamp } })
    if (!before) this.order.add(text)
  }

  remove(key: Uint8Array): void {
    this.scope.assertActive()
    const text = textOf(key)
    const { rows } = this
    const before = rows.get(text)
    if (!before) return
    this.journal.push(() => {
      rows.set(text, before)
      this.order.add(text)
    })
    rows.delete(text)
  }

  clear(): void {
    this.scope.assertActive()
    const { rows } = this
    this.journal.push(() => {
      this.rows = rows
      for (const text of rows.keys()) this.order.add(text)
    })
    this.rows = new Map()
  }

  count(): number {
    return this.rows.size
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
      for (const stored of found) if (stored) yield [stored.key, stored.row]
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

const textOf = (key: Uint8Array): string => asBuffer(key).toString('latin1')

/** The keys of a map in order, sorted when somebody asks: what was added is merged in then, what was removed left out. */
class KeyOrder {
  private keys: readonly string[] = []
  private added: string[] = []

  add(key: string): void {
    this.added.push(key)
  }

  sorted(present: ReadonlyMap<string, unknown>): readonly string[] {
    if (this.added.length > 0 || this.keys.length > 2 * present.size) {
      this.keys = merge(this.keys, this.added.sort(byText), present)
      this.added = []
    }
    return this.keys
  }
}

// Not localeCompare: code units are the bytes.
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const merge = (a: readonly string[], b: readonly string[], present: ReadonlyMap<string, unknown>): string[] => {
  const out: string[] = []
  let i = 0
  let j = 0
  for (;;) {
    const left = a[i]
    const right = b[j]
    if (left === undefined && right === undefined) return out
    const isLeft = right === undefined || (left !== undefined && left <= right)
    const next = isLeft ? left : right
    if (isLeft) i++
    else j++
    if (next !== undefined && next !== out[out.length - 1] && present.has(next)) out.push(next)
  }
}

/** The first position whose key is not less. */
const lowerBound = (keys: readonly string[], key: string): number => {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The first position whose key is greater. */
const upperBound = (keys: readonly string[], key: string): number => {
  const at = lowerBound(keys, key)
  return keys[at] === key ? at + 1 : at
}

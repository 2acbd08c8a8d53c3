import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { open, type Database, type RangeOptions, type RootDatabase } from 'lmdb'
import { scratch } from '../core/bytes.js'
import type { Clock } from '../core/clock.js'
import { isMillraceError, MillraceError } from '../core/errors.js'
import { CommitScope } from './commit-scope.js'
import { removeFolder, removeTrash, syncFile } from './durable-file.js'
import { dataFile, dataFolder, examine, writeEpoch, type StateIdentity } from './epoch.js'
import { afterAllKeys, beforeAllKeys, diskKey, diskRange, diskRow, inKeyOrder, readRow, type DiskEntry, type Entry } from './keys.js'
import type { ByteRange, ByteStore, MetaStore, Row, StateFile } from './port.js'

/** What `openLmdbFile` has found in the folder. */
export interface OpenedFile {
  readonly file: StateFile
  /** 'discarded': there was state, it could not be trusted, and was removed. */
  readonly found: 'fresh' | 'existing' | 'discarded'
  /** Why it was discarded: `MR_STATE_DAMAGED`, `MR_STATE_FORMAT` or `MR_TOPOLOGY_CHANGED`. */
  readonly reason?: MillraceError
}

export interface LmdbFileOptions {
  readonly identity: StateIdentity
  readonly clock: Clock
  /** How many stores may be opened. Default 128. */
  readonly maxStores?: number
}

const environment = {
  noSync: true,
  noMemInit: true,
  maxReaders: 126,
  mapSize: 64 * 1024 * 1024,
  noSubdir: false,
  encoding: 'binary',
  keyEncoding: 'binary',
} as const
const plain = { encoding: 'binary', keyEncoding: 'binary' } as const
type Bytes = Database<Buffer, Buffer>

/** LMDB gives the second opener of a path in one process the same environment, in silence. */
const openFolders = new Set<string>()

/**
 * The state of one task: one LMDB environment, never flushed while it is open (the changelog is the truth). What a killed
 * process leaves is whole; what a crashed machine leaves is removed before it is opened.
 *
 * The caller holds the lock of the slot around it.
 *
 * **Throws** `MR_STATE_LOCKED` when this process has the folder open, `MR_STATE_WRITE` when the disk is full or not ours.
 */
export const openLmdbFile = (folder: string, options: LmdbFileOptions): OpenedFile => {
  const path = resolve(folder)
  if (openFolders.has(path)) throw new MillraceError('MR_STATE_LOCKED', `the state folder ${path} is open in this process already`)
  try {
    removeTrash(path)
    const finding = examine(path, options.identity, options.clock)
    if (finding._tag === 'Unusable') removeFolder(path)
    mkdirSync(dataFolder(path), { recursive: true })
    writeEpoch(path, options.identity, options.clock, { clean: false })
    const root: RootDatabase<Buffer, Buffer> = open({ ...environment, path: dataFolder(path), maxDbs: (options.maxStores ?? 128) + 1 })
    const file = new LmdbFile(path, root, options)
    openFolders.add(path)
    return finding._tag === 'Unusable'
      ? { file, found: 'discarded', reason: finding.reason }
      : { file, found: finding._tag === 'Fresh' ? 'fresh' : 'existing' }
  } catch (error) {
    throw isMillraceError(error)
      ? error
      : new MillraceError('MR_STATE_WRITE', `the state folder ${path} cannot be opened`, { cause: error })
  }
}

class LmdbFile implements StateFile {
  readonly isDurable = true
  readonly meta: MetaStore
  private readonly scope = new CommitScope()
  private readonly health: Health
  private readonly stores = new Map<string, LmdbStore>()
  private isClosed = false

  constructor(
    private readonly folder: string,
    private readonly root: RootDatabase<Buffer, Buffer>,
    private readonly options: LmdbFileOptions,
  ) {
    this.health = new Health(folder)
    this.meta = metaStore(root.openDB('meta', plain), this.scope, this.health)
  }

  store(name: string): ByteStore {
    const known = this.stores.get(name)
    if (known) return known
    this.scope.assertIdle('store()') // a database made in a transaction that is rolled back would be gone
    const store = new LmdbStore(name, this.root.openDB(`store:${name}`, plain), this.scope, this.health)
    this.stores.set(name, store)
    return store
  }

  commit(write: () => void): void {
    const thrown: unknown[] = []
    try {
      this.root.transactionSync(() => {
        try {
          this.scope.run(write)
        } catch (error) {
          thrown.push(error)
          throw error
        }
      })
    } catch (error) {
      if (thrown.length > 0) throw thrown[0]
      throw this.health.notWritten('the commit', error)
    }
  }

  close(): void {
    if (this.isClosed) return
    try {
      syncFile(dataFile(this.folder))
      this.shut()
      // Without the mark the next start looks at every page.
      if (!this.health.isSuspect) writeEpoch(this.folder, this.options.identity, this.options.clock, { clean: true })
    } catch (error) {
      throw this.health.notWritten('the mark of a clean shutdown', error)
    } finally {
      this.shut()
    }
  }

  destroy(): void {
    this.shut()
    removeFolder(this.folder)
  }

  private shut(): void {
    if (this.isClosed) return
    this.scope.assertIdle('close()')
    this.isClosed = true
    // Closes before it returns: its promise only waits for asynchronous writes and reads, of which there are none.
    void this.root.close()
    openFolders.delete(this.folder)
  }
}

/** Whether LMDB has ever failed: then the file may be damaged, also where this process has not looked. */
class Health {
  isSuspect = false
  constructor(private readonly folder: string) {}

  notRead(what: string, cause: unknown): MillraceError {
    this.isSuspect = true
    return isMillraceError(cause) ? cause : new MillraceError('MR_STATE_DAMAGED', `${what} in ${this.folder} cannot be read`, { cause })
  }

  notWritten(what: string, cause: unknown): MillraceError {
    this.isSuspect = true
    return new MillraceError('MR_STATE_WRITE', `${what} in ${this.folder} was not written`, { cause })
  }
}

/** LMDB copies what it is given before it returns. */
const [keyBytes, rowBytes] = [scratch(), scratch()]

class LmdbStore implements ByteStore {
  constructor(
    readonly name: string,
    private readonly db: Bytes,
    private readonly scope: CommitScope,
    private readonly health: Health,
  ) {}

  get(key: Uint8Array): Row | undefined {
    try {
      const found = this.db.getBinaryFast(diskKey(key, keyBytes))
      return found && readRow(found)
    } catch (error) {
      throw this.health.notRead(`store ${this.name}`, error)
    }
  }

  put(key: Uint8Array, row: Row): void {
    this.scope.assertActive()
    // As `write`, without a function for each row.
    try {
      this.db.putSync(diskKey(key, keyBytes), diskRow(key, row, rowBytes))
    } catch (error) {
      this.failed(error)
    }
  }

  remove(key: Uint8Array): void {
    this.write(() => this.db.removeSync(diskKey(key, keyBytes)))
  }

  clear(): void {
    this.write(() => this.db.clearSync())
  }

  entries(range: ByteRange = {}): Iterable<Entry> {
    return inKeyOrder(
      pages(this.db, range, (error) => this.health.notRead(`store ${this.name}`, error)),
      range,
    )
  }

  count(): number {
    return this.db.getKeysCount({ start: beforeAllKeys, end: afterAllKeys })
  }

  private write(f: () => void): void {
    this.scope.assertActive()
    try {
      f()
    } catch (error) {
      this.failed(error)
    }
  }

  private failed(error: unknown): void {
    this.scope.fail(this.health.notWritten(`store ${this.name}`, error))
  }
}

const metaStore = (db: Bytes, scope: CommitScope, health: Health): MetaStore => ({
  get: (key) => {
    try {
      const found = db.getBinaryFast(diskKey(Buffer.from(key)))
      return found && JSON.parse(found.toString('utf8', 0, found.length))
    } catch (error) {
      throw health.notRead(`entry ${key}`, error)
    }
  },
  put: (key, value) => {
    scope.assertActive()
    try {
      if (value === undefined) db.removeSync(diskKey(Buffer.from(key)))
      else db.putSync(diskKey(Buffer.from(key)), Buffer.from(JSON.stringify(value)))
    } catch (error) {
      scope.fail(health.notWritten(`entry ${key}`, error))
    }
  },
})

const firstPage = 64
const largestPage = 1024
const maxPageBytes = 1024 * 1024

/**
 * A cursor that stays open pins every page that is freed meanwhile, and the file never shrinks (notes/lmdb-rxjs-fpts.md, A1.3).
 * So a range is read in pages that are copied out, small ones first: most ranges are left early.
 */
function* pages(db: Bytes, range: ByteRange, failed: (error: unknown) => Error): Generator<DiskEntry> {
  const { low, high } = diskRange(range)
  const reverse = range.reverse === true
  const end = reverse ? low : high
  let start = reverse ? high : low
  // The upper bound is exclusive, and so is the key that ended the last page.
  let exclusiveStart = reverse
  for (let limit = firstPage; ; limit = Math.min(limit * 2, largestPage)) {
    const page = readPage(db, { start, end, exclusiveStart, inclusiveEnd: reverse, reverse, limit }, failed)
    yield* page.entries
    const last = page.entries.at(-1)
    if (page.isLast || last === undefined) return
    start = last[0]
    exclusiveStart = true
  }
}

const readPage = (
  db: Bytes,
  range: RangeOptions & { readonly limit: number },
  failed: (error: unknown) => Error,
): { readonly entries: readonly DiskEntry[]; readonly isLast: boolean } => {
  const entries: DiskEntry[] = []
  let bytes = 0
  try {
    for (const { key, value } of db.getRange(range)) {
      entries.push([key, value])
      bytes += value.length
      if (bytes > maxPageBytes) return { entries, isLast: false }
    }
    return { entries, isLast: entries.length < range.limit }
  } catch (error) {
    throw failed(error)
  }
}

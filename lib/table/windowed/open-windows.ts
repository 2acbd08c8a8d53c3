import type { Codec } from '../../core/codec.js'
import { codec } from '../../core/codec.js'
import { MillraceError } from '../../core/errors.js'
import type { Windowed } from '../../core/record.js'
import type { Entry, KeyedStore } from '../../topology/operator.js'
import type { Bounds } from '../../window/bounds.js'
import { Deadlines } from '../../window/deadlines.js'
import { isClosed, type Windows } from '../../window/windows.js'

/** A key as something a Map finds again. */
export type KeyId = unknown

/** The window of a key, open. */
export class WindowRow<K, A> implements Bounds {
  /** Undefined before its first result, and after one of null. */
  entry: Entry<A> | undefined = undefined
  isOpen = false
  readonly windowed: Windowed<K>

  constructor(
    readonly id: KeyId,
    key: K,
    readonly start: number,
    readonly end: number,
  ) {
    this.windowed = Object.freeze({ key, start, end })
  }
}

/** The id of a key: itself where it is a string, else the text of its bytes. */
export const idsOf = <K>(key: Codec<K>): ((value: K) => KeyId) =>
  (key as unknown) === codec.string ? (value) => value : (value) => Buffer.from(key.encode(value) ?? []).toString('latin1')

interface Options<K, A> {
  readonly store: KeyedStore<Windowed<K>, A>
  readonly windows: Windows
  readonly idOf: (key: K) => KeyId
}

/**
 * The open windows of a task in memory, by key and by the time they close, over the store that has all rows: reading a range of
 * the store per record would read all that is not committed. Built from the store when the task opens.
 */
export class OpenWindows<K, A> {
  private readonly byKey = new Map<KeyId, WindowRow<K, A>[]>()
  private readonly closing = new Deadlines<WindowRow<K, A>>()
  /** Closed, and still to be read for a while. */
  private readonly expiring = new Deadlines<WindowRow<K, A>>()
  private count = 0

  constructor(private readonly options: Options<K, A>) {
    const { store, idOf } = options
    for (const [{ key, start, end }, entry] of store.entries()) {
      const row = new WindowRow<K, A>(idOf(key), key, start, end)
      row.entry = entry
      if (this.isClosed(row, store.streamTime)) this.expiring.add(row)
      else this.open(row)
    }
  }

  isClosed(bounds: Bounds, time: number): boolean {
    return isClosed(this.options.windows, bounds, time)
  }

  /** By start. */
  of(id: KeyId): readonly WindowRow<K, A>[] {
    return this.byKey.get(id) ?? none
  }

  find(id: KeyId, start: number): WindowRow<K, A> | undefined {
    const rows = this.byKey.get(id)
    if (rows === undefined) return undefined
    for (let i = rows.length - 1; i >= 0; i--) if (rows[i]?.start === start) return rows[i]
    return undefined
  }

  /** Before anything is written: a record that needs too many windows is a failure of that record. */
  assertRoom(more: number): void {
    const { maxOpen } = this.options.windows.timing
    if (this.count + more > maxOpen) throw new MillraceError('MR_WINDOWS_FULL', `${this.count} windows are open, and maxOpen is ${maxOpen}`)
  }

  /** A result of null deletes the row. */
  set(row: WindowRow<K, A>, value: A, timestamp: number): void {
    const { store } = this.options
    if (!row.isOpen) this.open(row)
    if (value === null || value === undefined) {
      row.entry = undefined
      store.delete(row.windowed, timestamp)
    } else {
      row.entry = { value, timestamp }
      store.set(row.windowed, value, timestamp)
    }
  }

  /** Of a session that has become part of another. */
  remove(row: WindowRow<K, A>, timestamp: number): void {
    this.forget(row)
    this.options.store.delete(row.windowed, timestamp)
  }

  /** Windows that are closed at that time, in the order they close: first by end, then by start. */
  *close(time: number): Generator<readonly WindowRow<K, A>[]> {
    for (let rows = this.takeClosed(time); rows !== null; rows = this.takeClosed(time)) {
      const open = rows.filter((row) => row.isOpen)
      for (const row of open) {
        this.forget(row)
        if (row.entry !== undefined) this.expiring.add(row)
      }
      if (open.length > 0) yield open
    }
  }

  /** Deletes the rows that have been closed for as long as they may be read. */
  expire(time: number): void {
    const { store, windows } = this.options
    const laterMs = windows.keptMs + windows.timing.graceMs
    const isDue = (bounds: Bounds): boolean => isClosed(windows, bounds, time, laterMs)
    for (let rows = this.expiring.take(isDue); rows !== null; rows = this.expiring.take(isDue))
      for (const row of rows) store.delete(row.windowed, time)
  }

  private takeClosed(time: number): readonly WindowRow<K, A>[] | null {
    return this.closing.take((bounds) => this.isClosed(bounds, time))
  }

  private open(row: WindowRow<K, A>): void {
    row.isOpen = true
    this.count++
    this.closing.add(row)
    const rows = this.byKey.get(row.id)
    if (rows === undefined) return void this.byKey.set(row.id, [row])
    let at = rows.length
    // Mostly the newest.
    while (at > 0 && (rows[at - 1]?.start ?? 0) > row.start) at--
    rows.splice(at, 0, row)
  }

  private forget(row: WindowRow<K, A>): void {
    row.isOpen = false
    this.count--
    const rows = this.byKey.get(row.id)
    if (rows === undefined) return
    if (rows.length === 1) this.byKey.delete(row.id)
    else rows.splice(rows.indexOf(row), 1)
  }
}

const none = Object.freeze([])

import { MillraceError } from '../../core/errors.js'
import { NearlySorted } from '../../core/nearly-sorted.js'
import type { Entry } from '../../topology/operator.js'
import { closesBefore, type Bounds } from '../../window/bounds.js'
import { isClosed, isExpired, type Windows } from '../../window/windows.js'
import { comesBefore, isSame, KeyWindows, WindowRow, type KeyId } from './window-row.js'
import type { WindowRows } from './window-rows.js'

interface Options<K, A> {
  readonly rows: WindowRows<K, A>
  readonly streamTime: number
  readonly windows: Windows
  readonly idOf: (key: K) => KeyId
}

/**
 * The windows of a task in memory, without their results, by key and by the time they close, over the store that has all rows:
 * reading a range of the store per record would read all that is not committed. Built from the store when the task opens.
 */
export class OpenWindows<K, A> {
  private readonly byKey = new Map<KeyId, KeyWindows<K>>()
  private readonly closing: NearlySorted<WindowRow<K>>
  /** Closed, and still to be read for a while. */
  private readonly expiring = new NearlySorted<WindowRow<K>>(closesBefore)
  private count = 0

  constructor(private readonly options: Options<K, A>) {
    const { rows, streamTime, idOf, windows } = options
    // Where nothing is told of them the order of those that close together makes no difference, and costs nothing.
    this.closing = new NearlySorted<WindowRow<K>>(windows.timing.emission._tag === 'updates' ? isQueuedBefore : isToldBefore)
    for (const { storedAs, bounds } of rows.found()) {
      const row = new WindowRow(this.of(idOf(storedAs.key)), Object.freeze(storedAs), bounds)
      row.isNew = false
      this.know(row)
      if (this.isClosed(row.end, streamTime)) this.expiring.add(row)
      else this.open(row)
    }
  }

  /** Of a window with that end. */
  isClosed(end: number, time: number): boolean {
    return isClosed(this.options.windows, end, time)
  }

  of(id: KeyId): KeyWindows<K> {
    return this.byKey.get(id) ?? new KeyWindows(id)
  }

  /** Undefined before its first result, and after one of null. */
  resultOf(row: WindowRow<K>): Entry<A> | undefined {
    return this.options.rows.resultOf(row)
  }

  /** Before anything is written: a record that needs too many windows is a failure of that record. */
  assertRoom(more: number): void {
    const { maxOpen } = this.options.windows.timing
    if (this.count + more > maxOpen) throw new MillraceError('MR_WINDOWS_FULL', `${this.count} windows are open, and maxOpen is ${maxOpen}`)
  }

  /** A result of null deletes the row. Gives what the row is now. */
  set(row: WindowRow<K>, value: A, timestamp: number): Entry<A> | undefined {
    const { rows } = this.options
    if (!row.isOpen) {
      this.know(row)
      this.open(row)
    }
    if (value === null || value === undefined) {
      rows.delete(row, timestamp)
      return undefined
    }
    rows.write(row, value, timestamp)
    return rows.resultOf(row)
  }

  /** Of a session that has become part of another. */
  remove(row: WindowRow<K>, timestamp: number): void {
    this.close(row)
    this.forget(row)
    this.options.rows.delete(row, timestamp)
  }

  /** A session with other bounds: it keeps its place in the queue, so that one that grows does not fill it. Its result is set next. */
  move(row: WindowRow<K>, { start, end }: Bounds): void {
    if (start !== row.start) {
      this.close(row)
      this.forget(row)
    }
    row.start = start
    row.end = end
  }

  /**
   * One that is closed at that time, in the order they close: by end, then by start, then by key where it is told of. Or one that is
   * not open any more.
   */
  nextClosed(time: number): WindowRow<K> | null {
    for (let row = this.closing.least; row !== undefined; row = this.closing.least) {
      if (row.queuedAs === null || !this.isClosed(row.queuedAs.end, time)) return null
      this.closing.take()
      const isAsQueued = isSame(row.queuedAs, row)
      row.queuedAs = null
      if (isAsQueued || !row.isOpen) return row
      this.queue(row)
    }
    return null
  }

  /** Closed, and told. */
  release(row: WindowRow<K>): void {
    this.close(row)
    this.expiring.add(row)
  }

  /** Deletes a row that has been closed for as long as it may be read; false: there is none. */
  expire(time: number): boolean {
    const { rows, windows } = this.options
    const row = this.expiring.least
    if (row === undefined || !isExpired(windows, row.end, time)) return false
    this.expiring.take()
    this.forget(row)
    rows.delete(row, time)
    return true
  }

  private queue(row: WindowRow<K>): void {
    row.queuedAs = row.windowed // not the row: that may move while it waits
    this.closing.add(row)
  }

  private open(row: WindowRow<K>): void {
    row.isOpen = true
    this.count++
    if (row.queuedAs === null) this.queue(row)
    row.of.add(row)
  }

  private close(row: WindowRow<K>): void {
    row.isOpen = false
    this.count--
    row.of.remove(row)
  }

  /** A key is kept as long as it has a row: it may well have the next window when the one before has closed. */
  private know({ of }: WindowRow<K>): void {
    if (of.rows++ === 0) this.byKey.set(of.id, of)
  }

  private forget({ of }: WindowRow<K>): void {
    if (--of.rows === 0) this.byKey.delete(of.id)
  }
}

const isQueuedBefore = <K>({ queuedAs: a }: WindowRow<K>, { queuedAs: b }: WindowRow<K>): boolean =>
  a !== null && b !== null && closesBefore(a, b)

const isToldBefore = <K>(one: WindowRow<K>, other: WindowRow<K>): boolean => {
  const { queuedAs: a } = one
  const { queuedAs: b } = other
  if (a === null || b === null) return false
  return closesBefore(a, b) || (a.end === b.end && a.start === b.start && comesBefore(one.of.id, other.of.id))
}

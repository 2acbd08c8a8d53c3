import type { Codec } from '../../core/codec.js'
import { Heap } from '../../core/heap.js'
import type { Windowed } from '../../core/record.js'
import type { AnyRec, Emit, KeyedStore } from '../../topology/operator.js'
import { closesBefore } from '../../window/bounds.js'
import type { Held } from '../held-codec.js'
import { inKeyOrder, tell, type Telling } from './emission.js'
import type { WindowRow } from './open-windows.js'

interface Waiting<K, A> {
  readonly row: WindowRow<K, A>
  readonly windowed: Windowed<K>
  readonly dueAt: number
}

const isBefore = <K, A>(a: Waiting<K, A>, b: Waiting<K, A>): boolean =>
  a.dueAt < b.dueAt || (a.dueAt === b.dueAt && closesBefore(a.row, b.row))

/** The newest result of a window at most once per `everyMs` of stream time, and the last one when it closes. */
export class TellEvery<K, A> implements Telling<K, A> {
  private readonly waiting = new Heap<Waiting<K, A>>(isBefore)

  constructor(
    private readonly everyMs: number,
    private readonly store: KeyedStore<Windowed<K>, Held<A>>,
    private readonly key: Codec<K>,
    /** Stream time. */
    private now: number,
    rowOf: (windowed: Windowed<K>) => WindowRow<K, A> | undefined,
  ) {
    for (const [windowed, { value }] of store.entries()) {
      const row = rowOf(windowed)
      if (row && value.since !== null) this.waiting.add({ row, windowed, dueAt: value.since + everyMs })
    }
  }

  updated(row: WindowRow<K, A>, _before: unknown, { timestamp }: AnyRec): void {
    const { told, since } = this.heldOf(row)
    if (since !== null) return
    const from = Math.max(this.now, timestamp)
    this.store.set(row.windowed, { told, since: from }, timestamp)
    this.waiting.add({ row, windowed: row.windowed, dueAt: from + this.everyMs })
  }

  removed(row: WindowRow<K, A>, record: AnyRec, emit: Emit): void {
    tell(row, this.heldOf(row).told, undefined, record, emit)
    this.store.delete(row.windowed, record.timestamp)
  }

  moved(time: number, record: AnyRec, emit: Emit): void {
    this.now = time
    for (const { row } of this.due(time)) {
      this.tellNewest(row, record, emit)
      this.store.set(row.windowed, { told: row.entry, since: null }, record.timestamp)
    }
  }

  closed(rows: readonly WindowRow<K, A>[], record: AnyRec, emit: Emit): void {
    for (const row of inKeyOrder(rows, this.key)) {
      this.tellNewest(row, record, emit)
      this.store.delete(row.windowed, record.timestamp)
    }
  }

  /** In an order that does not depend on who came first: a heap made anew after a crash would have another. */
  private due(time: number): readonly Waiting<K, A>[] {
    const due: Waiting<K, A>[] = []
    for (let next = this.waiting.least; next !== undefined && next.dueAt <= time; next = this.waiting.least) {
      this.waiting.take()
      // It may have become part of another meanwhile.
      if (next.row.isOpen) due.push(next)
    }
    if (due.length < 2) return due
    return inKeyOrder(due, this.key).toSorted((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0))
  }

  private tellNewest(row: WindowRow<K, A>, record: AnyRec, emit: Emit): void {
    const { told, since } = this.heldOf(row)
    if (since !== null) tell(row, told, row.entry, record, emit)
  }

  private heldOf(row: WindowRow<K, A>): Held<A> {
    return this.store.get(row.windowed)?.value ?? { told: undefined, since: null }
  }
}

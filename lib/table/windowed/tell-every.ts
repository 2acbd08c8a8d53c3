import { Heap } from '../../core/heap.js'
import type { Windowed } from '../../core/record.js'
import type { AnyRec, Emit, Entry, KeyedStore } from '../../topology/operator.js'
import { closesBefore } from '../../window/bounds.js'
import type { Held } from '../held-codec.js'
import { tell, type Telling } from './emission.js'
import type { OpenWindows } from './open-windows.js'
import { comesBefore, isSame, type KeyId, type WindowRow } from './window-row.js'

interface Waiting<K> {
  readonly row: WindowRow<K>
  /** What it was when it began to wait. */
  readonly windowed: Windowed<K>
  readonly since: number
}

const isBefore = <K>(a: Waiting<K>, b: Waiting<K>): boolean => {
  if (a.since !== b.since) return a.since < b.since
  if (a.windowed.end !== b.windowed.end || a.windowed.start !== b.windowed.start) return closesBefore(a.windowed, b.windowed)
  return comesBefore(a.row.of.id, b.row.of.id)
}

/** The newest result of a window at most once per `everyMs` of stream time, and the last one when it closes. */
export class TellEvery<K, A> implements Telling<K, A> {
  private readonly waiting = new Heap<Waiting<K>>(isBefore)

  constructor(
    private readonly everyMs: number,
    private readonly store: KeyedStore<Windowed<K>, Held<A>>,
    private readonly open: OpenWindows<K, A>,
    /** Stream time. */
    private now: number,
    idOf: (key: K) => KeyId,
  ) {
    for (const [windowed, { value }] of store.entries()) {
      const row = open.of(idOf(windowed.key)).find(windowed.start)
      if (row !== null && value.since !== null) this.waiting.add({ row, windowed: row.windowed, since: value.since })
    }
  }

  updated(row: WindowRow<K>, _before: unknown, _after: unknown, { timestamp }: AnyRec): void {
    const { told, since } = this.heldOf(row)
    if (since !== null) return
    const from = Math.max(this.now, timestamp)
    this.store.set(row.windowed, { told, since: from }, timestamp)
    this.waiting.add({ row, windowed: row.windowed, since: from })
  }

  removed(row: WindowRow<K>, _result: unknown, record: AnyRec, emit: Emit): void {
    tell(row, this.heldOf(row).told, undefined, record, emit)
    this.store.delete(row.windowed, record.timestamp)
  }

  moved(time: number, record: AnyRec, emit: Emit): boolean {
    this.now = time
    const next = this.waiting.least
    if (next === undefined || next.since + this.everyMs > time) return false
    this.waiting.take()
    const { row, windowed, since } = next
    // It may have become part of another meanwhile.
    if (!row.isOpen || !isSame(row, windowed)) return true
    const held = this.heldOf(row)
    if (held.since !== since) return true
    const result = this.open.resultOf(row)
    tell(row, held.told, result, record, emit)
    this.store.set(windowed, { told: result, since: null }, record.timestamp)
    return true
  }

  closed(row: WindowRow<K>, result: Entry<A> | undefined, record: AnyRec, emit: Emit): void {
    const { told, since } = this.heldOf(row)
    if (since !== null) tell(row, told, result, record, emit)
    this.store.delete(row.windowed, record.timestamp)
  }

  private heldOf(row: WindowRow<K>): Held<A> {
    return this.store.get(row.windowed)?.value ?? nothingHeld
  }
}

const nothingHeld = Object.freeze({ told: undefined, since: null })

import { MillraceError } from '../core/errors.js'
import { Heap } from '../core/heap.js'
import type { AnyRec, Emit, KeyedStore, PerRecord, RowChange, Step, StoreSpec } from '../topology/operator.js'
import type { Held } from './held-codec.js'
import { changeOf, writeRow } from './row.js'

export interface SuppressOptions<K, A> {
  readonly withinMs: number
  readonly maxKeys: number
  readonly whenFull: 'emit' | 'fail'
  /** What was let out: all that anybody sees. */
  readonly rows: StoreSpec<K, A>
  readonly held: StoreSpec<K, Held<A>>
}

interface Waiting<K> {
  readonly key: K
  readonly id: string
  readonly since: number
}

const isBefore = <K>(a: Waiting<K>, b: Waiting<K>): boolean => a.since < b.since || (a.since === b.since && a.id < b.id)

/** Holds the changes of a key from the first on, and lets the newest go when its time has come, in order of (first time, key). */
export const suppress = <K, A>(options: SuppressOptions<K, A>): PerRecord => ({
  kind: 'per-record',
  label: 'suppress',
  writes: true,
  inPieces: true,
  open: (task) => {
    const buffer = new Suppressing(options, task.store(options.rows), task.store(options.held))
    const step: Step = (record, emit) => buffer.take(record, emit)
    return Object.assign(step, { isUnfinished: () => buffer.isUnfinished })
  },
})

/** Keys let out before others have their turn: some ms. */
const piece = 500

class Suppressing<K, A> {
  private readonly waiting = new Heap<Waiting<K>>(isBefore)
  private readonly held = new Map<string, Waiting<K>>()
  /** Is held, and has set off more than goes at once. */
  private taken: AnyRec | null = null

  constructor(
    private readonly options: SuppressOptions<K, A>,
    private readonly rows: KeyedStore<K, A>,
    private readonly store: KeyedStore<K, Held<A>>,
  ) {
    for (const [key, { value }, encoded] of store.entries())
      this.wait({ key, id: Buffer.from(encoded).toString('latin1'), since: value.since ?? 0 })
  }

  take(record: AnyRec, emit: Emit): void {
    if (this.taken !== record) this.hold(record)
    for (let left = piece; left > 0; left--) {
      const next = this.nextToGo()
      if (next === undefined) {
        this.taken = null
        return
      }
      this.waiting.take()
      this.release(next, record, emit)
    }
    this.taken = record
  }

  /** More have to go than go at once. */
  get isUnfinished(): boolean {
    return this.taken !== null
  }

  private hold(record: AnyRec): void {
    const { after }: RowChange<A> = record.value
    const { key, timestamp } = record
    const id = Buffer.from(this.options.held.key.encode(key) ?? []).toString('latin1')
    const known = this.held.get(id)
    if (known === undefined) this.assertRoom(timestamp)
    const since = known?.since ?? timestamp
    this.store.set(key, { since, told: after === undefined ? undefined : { value: after, timestamp } }, timestamp)
    if (known === undefined) this.wait({ key, id, since })
    this.store.advanceTo(timestamp)
  }

  /** For one more, first held at that time, which moves stream time: what that lets go makes room. */
  private assertRoom(since: number): void {
    const { maxKeys, whenFull } = this.options
    if (whenFull === 'emit' || this.held.size < maxKeys) return
    const time = Math.max(this.store.streamTime, since)
    const first = Math.min(since, this.waiting.least?.since ?? since)
    if (this.isDue(first, time)) return
    throw new MillraceError('MR_SUPPRESS_FULL', `${this.held.size} keys are held back, and maxKeys is ${maxKeys}`)
  }

  private isDue(since: number, time: number): boolean {
    return since + this.options.withinMs <= time
  }

  private nextToGo(): Waiting<K> | undefined {
    const { least } = this.waiting
    if (least === undefined) return undefined
    return this.isDue(least.since, this.store.streamTime) || this.held.size > this.options.maxKeys ? least : undefined
  }

  private wait(waiting: Waiting<K>): void {
    this.held.set(waiting.id, waiting)
    this.waiting.add(waiting)
  }

  private release({ key, id }: Waiting<K>, record: AnyRec, emit: Emit): void {
    this.held.delete(id)
    const row = this.store.get(key)
    if (row === undefined) return
    this.store.delete(key, row.timestamp)
    const change = writeRow(this.rows, key, this.rows.get(key), row.value.told?.value, row.timestamp)
    if (change) emit(changeOf(record.withKey(key), change, row.timestamp))
  }
}

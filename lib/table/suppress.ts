import { MillraceError } from '../core/errors.js'
import { Heap } from '../core/heap.js'
import type { AnyRec, Emit, KeyedStore, PerRecord, RowChange, StoreSpec } from '../topology/operator.js'
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
  open: (task) => {
    const buffer = new Suppressing(options, task.store(options.rows), task.store(options.held))
    return (record, emit) => buffer.take(record, emit)
  },
})

class Suppressing<K, A> {
  private readonly waiting = new Heap<Waiting<K>>(isBefore)
  private readonly held = new Map<string, Waiting<K>>()

  constructor(
    private readonly options: SuppressOptions<K, A>,
    private readonly rows: KeyedStore<K, A>,
    private readonly store: KeyedStore<K, Held<A>>,
  ) {
    for (const [key, { value }, encoded] of store.entries())
      this.wait({ key, id: Buffer.from(encoded).toString('latin1'), since: value.since ?? 0 })
  }

  take(record: AnyRec, emit: Emit): void {
    const { after }: RowChange<A> = record.value
    const { key, timestamp } = record
    const { withinMs, maxKeys, whenFull } = this.options
    const id = Buffer.from(this.options.held.key.encode(key) ?? []).toString('latin1')
    const known = this.held.get(id)
    if (known === undefined && this.held.size >= maxKeys && whenFull === 'fail')
      throw new MillraceError('MR_SUPPRESS_FULL', `${this.held.size} keys are held back, and maxKeys is ${maxKeys}`)
    const since = known?.since ?? timestamp
    this.store.set(key, { since, told: after === undefined ? undefined : { value: after, timestamp } }, timestamp)
    if (known === undefined) this.wait({ key, id, since })
    this.store.advanceTo(timestamp)
    for (let next = this.waiting.least; next !== undefined; next = this.waiting.least) {
      if (next.since + withinMs > this.store.streamTime && this.held.size <= maxKeys) return
      this.waiting.take()
      this.release(next, record, emit)
    }
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

import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { headersOf } from '../core/headers.js'
import { Heap } from '../core/heap.js'
import { Rec } from '../core/record.js'
import { failAside } from '../operators/set-aside.js'
import { isAbsent } from '../table/row.js'
import type { AnyRec, KeyedStore, Lookup, PerRecord, StoreSpec, TableStore, TaskContext } from '../topology/operator.js'
import { bufferedCodec, bufferKeyCodec, type Buffered, type BufferKey } from './buffered-codec.js'
import { headerPairs } from './header-pairs.js'
import { joinRow, rowOf, type TableJoiner } from './probe.js'

interface HeldJoin<K, V, W, R> {
  readonly label: string
  readonly joiner: TableJoiner<K, V, W, R>
  readonly lookup: Lookup<K, W>
  readonly graceMs: number
  readonly keys: Codec<K>
  readonly values: Codec<V>
  /** Of the records that are held. */
  readonly store: StoreSpec<BufferKey, Buffered<V>>
}

export const heldSpec = (name: string, values: Codec<unknown>): StoreSpec<BufferKey, Buffered<unknown>> =>
  Object.freeze({ name, key: bufferKeyCodec, value: bufferedCodec(values), kind: 'lmdb' })

/**
 * Joins a stream with a versioned table, each record as late as `grace` allows, so that changes of the table that come out of
 * order are in time for it. Null keys are answered at once, and move no time.
 */
export const joinTableHeld = <K, V, W, R>(options: HeldJoin<K, V, W, R>): PerRecord => ({
  kind: 'per-record',
  label: options.label,
  writes: true,
  open: (task) => {
    const { label, joiner, keys } = options
    const join = new Holding(task, options)
    return (record, emit) => {
      if (isAbsent(record.value)) return task.dropped(label, 'null-value')
      const bytes = isAbsent(record.key) ? null : keys.encode(record.key)
      const joined = bytes === null ? [joinRow(label, joiner, record, undefined)] : join.take(record, Buffer.from(bytes))
      if (bytes === null && !joiner.left) task.dropped(label, 'null-key')
      for (const result of joined) if (result !== null) emit(result)
    }
  },
})

interface Held extends BufferKey {
  readonly originalKey: unknown
  readonly id: string
  attempts: number
  /** It could not leave, and the policy has answered for it. */
  isAnswered: boolean
}

class Holding<K, V, W, R> {
  private readonly store: KeyedStore<BufferKey, Buffered<V>>
  private readonly rows: TableStore<K, W>
  private readonly held = new Heap<Held>((a, b) => byOrder(a, b) < 0)
  private arrivals = 0

  constructor(
    private readonly task: TaskContext,
    private readonly options: HeldJoin<K, V, W, R>,
  ) {
    this.rows = options.lookup.open(task)
    this.store = task.store(options.store)
    for (const [at] of this.store.entries()) {
      const key = asBuffer(at.key)
      this.held.add({ ...at, key, id: idOf(key), originalKey: options.keys.decode(key), attempts: 0, isAnswered: false })
      this.arrivals = Math.max(this.arrivals, at.arrival + 1)
    }
  }

  /** Lambdas come before the first write. */
  take(record: AnyRec, key: Buffer): readonly (AnyRec | null)[] {
    const { graceMs } = this.options
    const time = record.timestamp
    const streamTime = Math.max(this.store.streamTime, time)
    if (time + graceMs < streamTime) return [this.joined(record)]
    const own: Held = { time, arrival: this.arrivals, key, id: idOf(key), originalKey: record.key, attempts: 0, isAnswered: false }
    const due = this.held.whileBefore((one) => one.time + graceMs <= streamTime)
    const isDue = time + graceMs <= streamTime
    const inOrder = (isDue ? [...due, own] : due).sort(byOrder)
    const results = inOrder.map((one) => (one === own ? this.joined(record) : this.leave(one, record)))

    if (!isDue) this.store.set(own, { value: record.value, isParked: true, headers: headerPairs(record.headers) }, time)
    this.store.advanceTo(time)
    for (const one of due) {
      this.held.take()
      this.store.delete(one, one.time)
    }
    if (!isDue) {
      this.held.add(own)
      this.arrivals++
    }
    return results
  }

  private joined(record: AnyRec): AnyRec | null {
    const { label, joiner } = this.options
    return joinRow(label, joiner, record, rowOf(this.rows, record.key as K, record.timestamp))
  }

  /** One that throws is the policy's, not the record whose coming let it go. */
  private leave(held: Held, trigger: AnyRec): AnyRec | null {
    if (held.isAnswered) return null
    const row = this.store.get(held)?.value
    if (row === undefined) throw new Error('a join has lost a record that it holds')
    const record = new Rec(held.originalKey, row.value, held.time, headersOf(row.headers ?? []), trigger.origin)
    try {
      return this.joined(record)
    } catch (error) {
      const bytes = this.options.values.encode(row.value)
      const { operator, attempt } = { operator: this.options.label, attempt: ++held.attempts }
      const failed = { operator, error, attempt, key: held.key, value: bytes && asBuffer(bytes), timestamp: held.time }
      if (failAside(this.task, { ...failed, headers: record.headers, at: trigger })._tag !== 'drop') throw error
      held.isAnswered = true
      return null
    }
  }
}

/** The text of bytes, whose order is theirs. */
const idOf = (key: Buffer): string => key.toString('latin1')

const byOrder = (a: Held, b: Held): number => a.time - b.time || (a.id === b.id ? a.arrival - b.arrival : a.id < b.id ? -1 : 1)

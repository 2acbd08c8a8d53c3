import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { headersOf } from '../core/headers.js'
import { Heap } from '../core/heap.js'
import { Rec } from '../core/record.js'
import { failAside } from '../operators/set-aside.js'
import { isAbsent } from '../table/row.js'
import type { AnyRec, Emit, KeyedStore, Lookup, PerRecord, Step, StoreSpec, TableStore, TaskContext } from '../topology/operator.js'
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
  inPieces: true,
  open: (task) => {
    const { label, joiner, keys } = options
    const join = new Holding(task, options)
    const step: Step = (record, emit) => {
      if (isAbsent(record.value)) return task.dropped(label, 'null-value')
      const bytes = isAbsent(record.key) ? null : keys.encode(record.key)
      if (bytes !== null) return join.take(record, Buffer.from(bytes), emit)
      const joined = joinRow(label, joiner, record, undefined)
      if (joined === null) task.dropped(label, 'null-key')
      else emit(joined)
    }
    return Object.assign(step, { isUnfinished: () => join.isUnfinished })
  },
})

/** Records joined before others have their turn: some ms. */
const piece = 500

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
  /** Is held, and not all that it makes due has been let go. */
  private taken: AnyRec | null = null
  /** More is due than goes at once. */
  isUnfinished = false

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

  take(record: AnyRec, key: Buffer, emit: Emit): void {
    this.isUnfinished = false
    if (this.taken !== record) {
      const { timestamp: time } = record
      if (time + this.options.graceMs < this.store.streamTime) return this.tell(this.joined(record), emit)
      this.hold(record, key)
    }
    this.letGo(record, emit)
    if (!this.isUnfinished) this.taken = null
  }

  /** Also one that is due as it comes, so that it has its place among the others. */
  private hold(record: AnyRec, key: Buffer): void {
    const { timestamp: time, value, key: originalKey } = record
    const own: Held = { time, arrival: this.arrivals++, key, id: idOf(key), originalKey, attempts: 0, isAnswered: false }
    this.store.set(own, { value, isParked: true, headers: headerPairs(record.headers) }, time)
    this.held.add(own)
    this.store.advanceTo(time)
    this.taken = record
  }

  /** The lambdas of a piece come before its writes: one that throws leaves all of it for the next attempt. */
  private letGo(trigger: AnyRec, emit: Emit): void {
    const due: Held[] = []
    while (due.length < piece && this.isNextDue) due.push(this.held.take() as Held)
    let results: readonly (AnyRec | null)[]
    try {
      results = due.map((one) => this.leave(one, trigger))
    } catch (error) {
      for (const one of due) this.held.add(one)
      throw error
    }
    for (const one of due) this.store.delete(one, one.time)
    for (const result of results) this.tell(result, emit)
    this.isUnfinished = this.isNextDue
  }

  private get isNextDue(): boolean {
    const { least } = this.held
    return least !== undefined && least.time + this.options.graceMs <= this.store.streamTime
  }

  private tell(result: AnyRec | null, emit: Emit): void {
    if (result !== null) emit(result)
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

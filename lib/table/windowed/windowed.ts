import type { Codec } from '../../core/codec.js'
import type { Windowed } from '../../core/record.js'
import type { AnyRec, Emit, KeyedStore, PerRecord, Route, RouteStep, Step, StoreSpec, TaskContext } from '../../topology/operator.js'
import { IdleTime } from '../../window/idle-time.js'
import type { Windows } from '../../window/windows.js'
import type { Held } from '../held-codec.js'
import { isAbsent } from '../row.js'
import { planAligned } from './aligned.js'
import type { Plan, Planned, Update } from './plan.js'
import { tellFinals, tellUpdates, type Telling } from './emission.js'
import type { Fold } from './fold.js'
import { OpenWindows } from './open-windows.js'
import { RecentRecords } from './recent-records.js'
import { planSession } from './session.js'
import { sessionRows, type SessionRow } from './session-rows.js'
import { planSliding } from './sliding.js'
import { TellEvery } from './tell-every.js'
import { idsOf, type KeyId, type WindowRow } from './window-row.js'
import { fixedRows, type WindowRows } from './window-rows.js'

/** The stores of a windowed aggregate. */
export interface WindowedStores<K, A> {
  readonly key: Codec<K>
  readonly rows: RowsSpec<K, A>
  /** Of `emit: { every }`. */
  readonly held: StoreSpec<Windowed<K>, Held<A>> | null
  /** Of sliding windows. */
  readonly records: StoreSpec<Windowed<K>, unknown> | null
}

/** Sessions have rows of their own kind. */
export type RowsSpec<K, A> =
  | { readonly fixed: StoreSpec<Windowed<K>, A>; readonly sessions: null }
  | { readonly fixed: null; readonly sessions: StoreSpec<Windowed<K>, SessionRow<A>> }

/** Folds each value into the results of its windows. */
export const windowedAggregate = <K, A>(windows: Windows, fold: Fold<A>, stores: WindowedStores<K, A>): PerRecord => ({
  kind: 'per-record',
  label: fold.label,
  writes: true,
  inPieces: true,
  open: (task) => {
    const aggregate = new OpenAggregate(task, windows, fold, stores)
    const step: Step = (record, emit) => aggregate.take(record, emit, null)
    return Object.assign(step, { idle: aggregate.idle.step, isUnfinished: () => aggregate.isUnfinished })
  },
})

/** The same, with late records on a branch of their own. */
export const windowedWithLate = <K, A>(windows: Windows, fold: Fold<A>, stores: WindowedStores<K, A>): Route => ({
  kind: 'route',
  label: fold.label,
  branches: 2,
  inPieces: true,
  open: (task) => {
    const aggregate = new OpenAggregate(task, windows, fold, stores)
    const step: RouteStep = (record, [results = nowhere, late = nowhere]) => aggregate.take(record, results, late)
    return Object.assign(step, { idle: aggregate.idle.step, isUnfinished: () => aggregate.isUnfinished })
  },
})

const nowhere: Emit = () => undefined

/** Windows told of and closed, or deleted, before others have their turn: some ms. */
const piece = 500
/** Rows that a commit may have before it only takes as much more as comes: its LMDB transaction is one turn of the event loop. */
const mostRows = 8192

class OpenAggregate<K, A> {
  readonly idle: IdleTime
  private readonly store: KeyedStore<Windowed<K>, unknown>
  private readonly open: OpenWindows<K, A>
  private readonly recent: RecentRecords<K> | null
  private readonly telling: Telling<K, A>
  private readonly plan: Plan<K, A>
  private readonly idOf: (key: K) => KeyId
  /** Stream time has moved, and not all that this makes due has been done. */
  isUnfinished = false
  /** The record that has moved it: it counts already. */
  private mover: AnyRec | null = null

  constructor(
    private readonly task: TaskContext,
    private readonly windows: Windows,
    private readonly fold: Fold<A>,
    stores: WindowedStores<K, A>,
  ) {
    this.idOf = idsOf(stores.key)
    const [store, rows] = openRows(task, stores.rows)
    this.store = store
    this.open = new OpenWindows<K, A>({ rows, streamTime: store.streamTime, windows, idOf: this.idOf })
    this.recent = stores.records && new RecentRecords(task.store(stores.records), this.idOf)
    this.telling = tellingOf(task, windows, stores, this.open, store.streamTime, this.idOf)
    this.plan = planOf(windows, this.open, this.recent, fold)
    this.idle = new IdleTime(windows.timing.closeAfterIdleMs, this)
  }

  take(record: AnyRec, emit: Emit, late: Emit | null): void {
    const opened = this.mover === record ? 0 : this.count(record, emit, late)
    if (this.isUnfinished) this.goOn(record, emit)
    if (!this.isUnfinished) this.forget(opened)
  }

  /** How many windows it has opened. */
  private count(record: AnyRec, emit: Emit, late: Emit | null): number {
    const { store, task, fold } = this
    const dropped = isAbsent(record.key) ? 'null-key' : fold.isEmpty(record) ? 'null-value' : null
    if (dropped !== null) {
      task.dropped(fold.label, dropped)
      return 0
    }
    this.idle.end()
    const time = Math.max(store.streamTime, record.timestamp)
    const planned = this.plan(record, this.open.of(this.idOf(record.key)), time)
    if (planned.isLate) {
      task.dropped(fold.label, 'late')
      late?.(record)
    }
    if (planned.opens > 0) this.open.assertRoom(planned.opens)
    this.apply(planned, record, emit)
    if (time > store.streamTime) this.moveTo(time, record)
    return planned.opens
  }

  private apply({ removed, updated, then }: Planned<K, A>, record: AnyRec, emit: Emit): void {
    for (let i = 0; i < removed.length; i++) {
      const row = removed[i] as WindowRow<K>
      this.telling.removed(row, this.open.resultOf(row), record, emit)
      if (!updated.some((update) => update.row === row)) this.open.remove(row, record.timestamp)
    }
    for (let i = 0; i < updated.length; i++) {
      const { row, before, value, timestamp, moved } = updated[i] as Update<K, A>
      if (moved) this.open.move(row, moved)
      this.telling.updated(row, before, this.open.set(row, value, timestamp), record, emit)
    }
    then?.()
  }

  private moveTo(time: number, record: AnyRec): void {
    this.store.advanceTo(time)
    this.mover = record
    this.isUnfinished = true
  }

  private goOn(record: AnyRec, emit: Emit): void {
    for (let left = piece; left > 0; left--) {
      if (this.doNext(this.store.streamTime, record, emit)) continue
      this.mover = null
      this.isUnfinished = false
      return
    }
  }

  /** The next of what stream time makes due; false: nothing. */
  private doNext(time: number, record: AnyRec, emit: Emit): boolean {
    const { telling, open } = this
    if (telling.moved(time, record, emit)) return true
    const closed = open.nextClosed(time)
    if (closed === null) return false
    if (!closed.isOpen) return true
    telling.closed(closed, open.resultOf(closed), record, emit)
    open.release(closed)
    return true
  }

  /** Nobody waits for what may be deleted, so it goes with the records that come: more of it than these bring. */
  private forget(opened: number): void {
    const { store, open, windows, recent } = this
    const time = store.streamTime
    // A window that is still to come ends no earlier than the grace allows, and begins a size before.
    const oldest = windows.kind === 'sliding' ? time - windows.timing.graceMs - windows.sizeMs - 1 : -Infinity
    const rows = store.dirtyCount + (recent?.dirtyCount ?? 0)
    for (let left = rows < mostRows ? piece : opened + 2; left > 0; left--) if (!open.expire(time) && recent?.prune(oldest) !== true) return
  }

  get partition(): number {
    return this.task.partition
  }

  get streamTime(): number {
    return this.store.streamTime
  }

  passTo(time: number, mover: AnyRec, emit: Emit): void {
    if (time > this.store.streamTime) this.moveTo(time, mover)
    if (this.isUnfinished) this.goOn(mover, emit)
    if (!this.isUnfinished) this.forget(0)
  }
}

const openRows = <K, A>(task: TaskContext, spec: RowsSpec<K, A>): readonly [KeyedStore<Windowed<K>, unknown>, WindowRows<K, A>] => {
  if (spec.sessions === null) {
    const store = task.store(spec.fixed)
    return [store, fixedRows(store)]
  }
  const store = task.store(spec.sessions)
  return [store, sessionRows(store)]
}

const planOf = <K, A>(windows: Windows, open: OpenWindows<K, A>, recent: RecentRecords<K> | null, fold: Fold<A>): Plan<K, A> => {
  switch (windows.kind) {
    case 'aligned':
      return planAligned(windows, open, fold)
    case 'session':
      return planSession(windows, open, fold)
    case 'sliding':
      if (recent === null) throw new Error('sliding windows need the recent records')
      return planSliding(windows, open, recent, fold)
  }
}

const tellingOf = <K, A>(
  task: TaskContext,
  { timing: { emission } }: Windows,
  { held }: WindowedStores<K, A>,
  open: OpenWindows<K, A>,
  streamTime: number,
  idOf: (key: K) => KeyId,
): Telling<K, A> => {
  if (emission._tag === 'updates') return tellUpdates()
  if (emission._tag === 'final') return tellFinals()
  if (held === null) throw new Error('results that are held back need a store')
  return new TellEvery(emission.ms, task.store(held), open, streamTime, idOf)
}

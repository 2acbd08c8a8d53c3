import type { Codec } from '../../core/codec.js'
import type { Windowed } from '../../core/record.js'
import type { AnyRec, Emit, PerRecord, Route, StoreSpec, TaskContext } from '../../topology/operator.js'
import type { Windows } from '../../window/windows.js'
import type { Held } from '../held-codec.js'
import { isAbsent } from '../row.js'
import { planAligned } from './aligned.js'
import type { Plan } from './plan.js'
import { tellFinals, tellUpdates, type Telling } from './emission.js'
import type { Fold } from './fold.js'
import { idsOf, OpenWindows, type KeyId } from './open-windows.js'
import { RecentRecords } from './recent-records.js'
import { planSession } from './session.js'
import { planSliding } from './sliding.js'
import { TellEvery } from './tell-every.js'

/** The stores of a windowed aggregate. */
export interface WindowedStores<K, A> {
  readonly key: Codec<K>
  readonly rows: StoreSpec<Windowed<K>, A>
  /** Of `emit: { every }`. */
  readonly held: StoreSpec<Windowed<K>, Held<A>> | null
  /** Of sliding windows. */
  readonly records: StoreSpec<Windowed<K>, unknown> | null
}

/** Folds each value into the results of its windows. */
export const windowedAggregate = <K, A>(windows: Windows, fold: Fold<A>, stores: WindowedStores<K, A>): PerRecord => ({
  kind: 'per-record',
  label: fold.label,
  writes: true,
  open: (task) => {
    const take = openAggregate(task, windows, fold, stores)
    return (record, emit) => take(record, emit, null)
  },
})

/** The same, with late records on a branch of their own. */
export const windowedWithLate = <K, A>(windows: Windows, fold: Fold<A>, stores: WindowedStores<K, A>): Route => ({
  kind: 'route',
  label: fold.label,
  branches: 2,
  open: (task) => {
    const take = openAggregate(task, windows, fold, stores)
    const nowhere: Emit = () => undefined
    return (record, [results = nowhere, late = nowhere]) => take(record, results, late)
  },
})

const openAggregate = <K, A>(task: TaskContext, windows: Windows, fold: Fold<A>, stores: WindowedStores<K, A>) => {
  const rows = task.store(stores.rows)
  const idOf = idsOf(stores.key)
  const open = new OpenWindows<K, A>({ store: rows, windows, idOf })
  const recent = stores.records && new RecentRecords(task.store(stores.records), idOf)
  const telling = tellingOf(task, windows, stores, open, idOf)
  const plan = planOf(windows, open, recent, fold)
  const moveTo = (time: number, record: AnyRec, emit: Emit): void => {
    rows.advanceTo(time)
    telling.moved(time, record, emit)
    for (const closed of open.close(time)) telling.closed(closed, record, emit)
    open.expire(time)
    // A window that is still to come ends no earlier than the grace allows, and begins a size before.
    if (windows.kind === 'sliding') recent?.prune(time - windows.timing.graceMs - windows.sizeMs - 1)
  }
  return (record: AnyRec, emit: Emit, late: Emit | null): void => {
    if (isAbsent(record.key)) return task.dropped(fold.label, 'null-key')
    if (fold.isEmpty(record)) return task.dropped(fold.label, 'null-value')
    const time = Math.max(rows.streamTime, record.timestamp)
    const planned = plan(record, idOf(record.key), time)
    if (planned.isLate) {
      task.dropped(fold.label, 'late')
      late?.(record)
    }
    open.assertRoom(planned.updated.filter(({ row }) => !row.isOpen).length - planned.removed.length)
    for (const row of planned.removed) {
      telling.removed(row, record, emit)
      open.remove(row, record.timestamp)
    }
    for (const { row, value, timestamp } of planned.updated) {
      const before = row.entry
      open.set(row, value, timestamp)
      telling.updated(row, before, record, emit)
    }
    planned.then?.()
    if (time > rows.streamTime) moveTo(time, record, emit)
  }
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
  { held, key }: WindowedStores<K, A>,
  open: OpenWindows<K, A>,
  idOf: (key: K) => KeyId,
): Telling<K, A> => {
  if (emission._tag === 'updates') return tellUpdates()
  if (emission._tag === 'final') return tellFinals(key)
  if (held === null) throw new Error('results that are held back need a store')
  return new TellEvery(emission.ms, task.store(held), key, (windowed) => open.find(idOf(windowed.key), windowed.start))
}

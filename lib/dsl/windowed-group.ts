import { codec } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import type { Fn, Windowed } from '../core/record.js'
import { map } from '../operators/map.js'
import type { Aggregator, Mergeable } from '../table/aggregator.js'
import { storeLookup } from '../table/lookup.js'
import { aggregateFold, countFold, reduceFold, type Fold } from '../table/windowed/fold.js'
import { heldCodec } from '../table/held-codec.js'
import { sessionCodec, sessionLookup } from '../table/windowed/session-rows.js'
import { unexpired } from '../table/windowed/window-lookup.js'
import { windowedAggregate, windowedWithLate, type WindowedStores } from '../table/windowed/windowed.js'
import { checkName, derivedName } from '../topology/names.js'
import type { Port } from '../topology/node.js'
import type { StoreSpec } from '../topology/operator.js'
import type { TopicSink } from '../topology/topic.js'
import type { Windows } from '../window/windows.js'
import { byKey } from './by-key.js'
import { innerJson, writable, type AnyCodec, type Lane, type Scope, type TableLane } from './lane.js'
import { refuseTtl, storeKind } from './store-table.js'
import type { KSession, KTable, KWindowed, StoreOptions } from './surface.js'

/* eslint-disable @typescript-eslint/no-explicit-any -- the plan erases record types */
/** Records in windows, about to be folded. */
export interface NewWindows {
  readonly scope: Scope
  readonly parent: Port
  readonly key: AnyCodec
  /** How the values of the records are written, where windows have to keep them. */
  readonly value: () => AnyCodec
  readonly name: string
  readonly windows: Windows
  readonly late: TopicSink<any, any> | undefined
  /** What came in, of a late record. */
  readonly lateValue?: Fn<any, any, unknown>
}

/** A windowed aggregate and its stores: the table of its rows. */
export const windowedTable = (from: NewWindows, fold: Fold<any>, value: () => AnyCodec, options: StoreOptions<any> = {}): TableLane => {
  const { scope, key, windows } = from
  const { label } = fold
  refuseTtl(options, `a windowed ${label}`, 'the row of a window goes by itself, another size and grace after it has closed')
  const name = options.name === undefined ? from.name : checkName(options.name, `the name given to ${label}`)
  const kind = storeKind(options.store, label)
  const windowed: AnyCodec = codec.windowed(key, windows.sizeMs ?? undefined)
  const results: AnyCodec = options.value ?? value()
  const isSession = windows.kind === 'session'
  const rows: StoreSpec<any, any> = Object.freeze({
    name,
    key: isSession ? codec.windowed(key, 0) : windowed,
    value: isSession ? sessionCodec(results) : results,
    kind,
  })
  const beside = (suffix: string, keys: AnyCodec, values: AnyCodec): StoreSpec<any, any> =>
    Object.freeze({ name: `${name}-${suffix}`, key: keys, value: values, kind })
  const stores: WindowedStores<any, any> = {
    key,
    rows: isSession ? { sessions: rows, fixed: null } : { sessions: null, fixed: rows },
    held: windows.timing.emission._tag === 'every' ? beside('held', windowed, heldCodec(results)) : null,
    records: windows.kind === 'sliding' ? beside('records', codec.windowed(key), from.value()) : null,
  }
  const lookup = unexpired(isSession ? sessionLookup(rows, windowed) : storeLookup(rows), rows, windows)
  const uses = [rows, stores.held, stores.records].flatMap((spec) => (spec === null ? [] : [{ spec, source: null }]))
  const operator = from.late === undefined ? windowedAggregate(windows, fold, stores) : windowedWithLate(windows, fold, stores)
  const branches = from.late === undefined ? {} : { branches: ['results', 'late'] }
  const owner = scope.graph.operator(from.parent, operator, { label, stores: uses, ...branches })
  if (from.late !== undefined) {
    const original = from.lateValue && scope.graph.operator({ node: owner, branch: 1 }, map(from.lateValue))
    scope.graph.sink(original === undefined ? { node: owner, branch: 1 } : { node: original, branch: 0 }, from.late)
  }
  return { scope, port: { node: owner, branch: 0 }, name, key: windowed, value: results, lookup, owner }
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** What `window` gives, of fixed windows and of sessions. */
export class WindowedGroup<K, V> implements KWindowed<K, V>, KSession<K, V> {
  constructor(
    private readonly lane: Lane,
    private readonly windows: Windows,
    private readonly late: TopicSink<K, V> | undefined,
  ) {
    Object.freeze(this)
  }

  count(store?: StoreOptions<number>): KTable<Windowed<K>, number> {
    return this.fold('windowedCount', countFold(), () => innerJson, store)
  }

  reduce(f: (a: V, b: V) => V, store?: StoreOptions<V>): KTable<Windowed<K>, V> {
    return this.fold('windowedReduce', reduceFold(f), () => this.valueCodec(), store)
  }

  aggregate<A>(by: Aggregator<K, V, A> | Mergeable<K, V, A>, store?: StoreOptions<A>): KTable<Windowed<K>, A> {
    const merge = 'merge' in by ? by.merge : null
    if (this.windows.kind === 'session' && merge === null)
      throw new MillraceError('MR_CONFIG', 'aggregate: sessions become one, so their aggregator needs `merge`')
    return this.fold('windowedAggregate', aggregateFold(by, merge), () => innerJson, store)
  }

  private valueCodec(): AnyCodec {
    return writable(this.lane.value, `the values of ${this.lane.stem}`)
  }

  private fold<A>(
    verb: 'windowedCount' | 'windowedReduce' | 'windowedAggregate',
    fold: Fold<A>,
    value: () => AnyCodec,
    options: StoreOptions<A> | undefined,
  ): KTable<Windowed<K>, A> {
    const { scope, stem } = this.lane
    scope.graph.host.assertOpen(fold.label)
    const { port, key } = byKey(this.lane, fold.label)
    const from: NewWindows = {
      scope,
      parent: port,
      key,
      value: () => this.valueCodec(),
      name: derivedName(stem, verb),
      windows: this.windows,
      late: this.late,
    }
    return scope.table(windowedTable(from, fold, value, options))
  }
}

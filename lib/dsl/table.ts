import type { Option } from 'fp-ts/lib/Option.js'
import type { These } from 'fp-ts/lib/These.js'
import type { Codec } from '../core/codec.js'
import { windowedInner } from '../core/codec-shape.js'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import type { Fn, Windowed } from '../core/record.js'
import { changes, type Change } from '../table/changes.js'
import { filterLookup, mapLookup } from '../table/lookup.js'
import { materializeChange } from '../table/materialize.js'
import { halvesCodec, regroup } from '../table/regroup.js'
import { suppress } from '../table/suppress.js'
import { heldCodec } from '../table/held-codec.js'
import { filterTable } from '../table/table-filter.js'
import { mapTable } from '../table/table-map.js'
import { toStream } from '../table/to-stream.js'
import { checkName, derivedName } from '../topology/names.js'
import type { Operator } from '../topology/operator.js'
import type { TopicSink } from '../topology/topic.js'
import { innerJson, nullableFormat, rememberTable, tableLaneOf, type AnyCodec, type AnyFn, type Format, type TableLane } from './lane.js'
import { pipeline } from './pipeline.js'
import { readRange, valueOf, windowsIn, type Range } from './query.js'
import { storeTable } from './store-table.js'
import type { KStream, KTable, KTableGroup, Pipeline, StoreOptions } from './surface.js'
import { TableGroup } from './table-group.js'
import { joinedOn, type ForeignVerb } from './foreign-key-join.js'
import { joinedTables } from './table-join.js'

interface SuppressSettings {
  readonly within: Duration
  readonly maxKeys?: number | undefined
  readonly whenFull?: 'emit' | 'fail' | undefined
  readonly name?: string | undefined
}

export class Table<K, V> implements KTable<K, V> {
  readonly name: string
  readonly #lane: TableLane

  constructor(lane: TableLane) {
    this.name = lane.name
    this.#lane = lane
    rememberTable(this, lane)
    Object.freeze(this)
  }

  filter(keep: Fn<K, V, boolean>, store?: StoreOptions<V>): KTable<K, V> {
    const lane = this.open('filter')
    const name = derivedName(lane.name, 'tableFilter')
    return this.derived(filterTable(keep), { ...lane, name, lookup: filterLookup(lane.lookup, keep) }, store)
  }
  map<W>(f: Fn<K, V, W>, store?: StoreOptions<W>): KTable<K, W> {
    const lane = this.open('map')
    const name = derivedName(lane.name, 'tableMap')
    return this.derived(mapTable(f), { ...lane, name, lookup: mapLookup(lane.lookup, f), value: innerJson }, store)
  }

  groupBy<J, W>(
    f: Fn<K, V, readonly [J, W] | null>,
    key: Codec<J>,
    value: Codec<W>,
    options: { name?: string | undefined } = {},
  ): KTableGroup<J, W> {
    const { scope, port, name } = this.open('groupBy')
    const stem = options.name === undefined ? derivedName(name, 'groupBy') : checkName(options.name, 'the name given to groupBy')
    const halves: AnyCodec = halvesCodec(value)
    const node = scope.graph.operator(port, regroup(f, key))
    const moved = scope.graph.repartition({
      name: stem,
      parents: [{ node, branch: 0 }],
      key,
      value: halves,
      partitions: null,
      isExplicit: false,
    })
    return new TableGroup<J, W>({ scope, port: { node: moved, branch: 0 }, stem, key, value: halves, rekeyed: null })
  }

  join<W, R>(right: KTable<K, W>, f: (left: V, right: W) => R, store?: StoreOptions<R>): KTable<K, R> {
    return this.joined(right, 'join', f, store)
  }
  leftJoin<W, R>(right: KTable<K, W>, f: (left: V, right: Option<W>) => R, store?: StoreOptions<R>): KTable<K, R> {
    return this.joined(right, 'leftJoin', f, store)
  }
  outerJoin<W, R>(right: KTable<K, W>, f: (sides: These<V, W>) => R, store?: StoreOptions<R>): KTable<K, R> {
    return this.joined(right, 'outerJoin', f, store)
  }

  joinOn<J, W, R>(right: KTable<J, W>, on: Fn<K, V, J | null>, f: (left: V, right: W) => R, store?: StoreOptions<R>): KTable<K, R> {
    return this.joinedOn(right, 'joinOn', { on, join: f }, store)
  }
  leftJoinOn<J, W, R>(
    right: KTable<J, W>,
    on: Fn<K, V, J | null>,
    f: (left: V, right: Option<W>) => R,
    store?: StoreOptions<R>,
  ): KTable<K, R> {
    return this.joinedOn(right, 'leftJoinOn', { on, join: f }, store)
  }

  suppress({ within, maxKeys = Infinity, whenFull = 'emit', name: given }: SuppressSettings): KTable<K, V> {
    const { scope, port, name: above, key, value } = this.open('suppress')
    if (maxKeys !== Infinity && !(Number.isInteger(maxKeys) && maxKeys > 0))
      throw new MillraceError('MR_CONFIG', `suppress: maxKeys is ${String(maxKeys)}, not a whole number above 0`)
    if (!['emit', 'fail'].includes(whenFull))
      throw new MillraceError('MR_CONFIG', `suppress: whenFull is ${whenFull}, not 'emit' or 'fail'`)
    const name = given === undefined ? derivedName(above, 'suppress') : checkName(given, 'the name given to suppress')
    const held = Object.freeze({ name: `${name}-held`, key, value: heldCodec(value) as AnyCodec, kind: 'lmdb' as const })
    const options = { withinMs: durationMs(within, 'suppress: within'), maxKeys, whenFull, held }
    return scope.table(
      storeTable({
        scope,
        parent: port,
        name,
        key,
        value: () => value,
        label: 'suppress',
        operator: (rows) => suppress({ ...options, rows }),
        beside: [held],
      }),
    )
  }

  toStream(): KStream<K, V | null> {
    return this.streamOf(toStream(), nullableFormat(this.#lane.value))
  }
  changes(): KStream<K, Change<V>> {
    return this.streamOf(changes(), innerJson)
  }
  toTopic(sink: TopicSink<K, V>): Pipeline {
    const { scope, port } = this.open('toTopic')
    const node = scope.graph.operator(port, toStream())
    // A delete is a tombstone, which the encoder of rows knows nothing of.
    const value = { encode: (row: V | null) => (row === null ? null : sink.value.encode(row)) }
    scope.graph.sink({ node, branch: 0 }, Object.freeze({ ...sink, value }))
    return pipeline(sink.name)
  }

  get(key: K): Promise<Option<V>> {
    return this.#lane.scope.graph.host.lookUp<K, V, Option<V>>(this.queried(), key, (rows) => valueOf(rows.get(key)))
  }
  async *entries(range?: Range<K>): AsyncGenerator<readonly [K, V]> {
    const partitions = await this.#lane.scope.graph.host.partitions<K, V>(this.queried())
    yield* readRange(partitions, this.#lane.key, range)
  }

  async *windowsOf<J>(
    this: KTable<Windowed<J>, V>,
    key: J,
    range?: { from?: number | undefined; to?: number | undefined },
  ): AsyncGenerator<readonly [Windowed<J>, V]> {
    // Every table is one of these; the type of `this` only says that its keys are windows.
    const table = this as unknown as Table<Windowed<J>, V>
    const inner = windowedInner(table.#lane.key)
    if (inner === null) throw new MillraceError('MR_CONFIG', `windowsOf: the keys of ${this.name} are not windows`)
    const { host } = table.#lane.scope.graph
    const somewhere: Windowed<J> = { key, start: 0, end: 0 }
    // The codec of windowed keys was made of it.
    yield* await host.lookUp<Windowed<J>, V, readonly (readonly [Windowed<J>, V])[]>(table.queried(), somewhere, (rows) =>
      windowsIn(rows, inner as Codec<J>, key, range),
    )
  }

  private open(verb: string): TableLane {
    this.#lane.scope.graph.host.assertOpen(verb)
    return this.#lane
  }

  private joined<R>(right: object, verb: 'join' | 'leftJoin' | 'outerJoin', f: AnyFn, store: StoreOptions<R> | undefined): KTable<K, R> {
    const lane = this.open(verb)
    return lane.scope.table(joinedTables(lane, tableLaneOf(right, lane.scope), verb, f, store))
  }

  private joinedOn<R>(
    right: object,
    verb: ForeignVerb,
    lambdas: { on: AnyFn; join: AnyFn },
    store: StoreOptions<R> | undefined,
  ): KTable<K, R> {
    const lane = this.open(verb)
    return lane.scope.table(joinedOn(lane, tableLaneOf(right, lane.scope), verb, lambdas, store))
  }

  /** A view over the rows above, or, when asked for, rows of its own. */
  private derived<W>(operator: Operator, view: TableLane, store: StoreOptions<W> | undefined): KTable<K, W> {
    const { scope, key, value, name } = view
    const port = { node: scope.graph.operator(this.#lane.port, operator), branch: 0 }
    if (store === undefined) return scope.table({ ...view, port })
    return scope.table(
      storeTable(
        {
          scope,
          parent: port,
          name,
          key,
          value: () => value,
          label: operator.label,
          operator: (spec) => materializeChange(spec, operator.label),
        },
        store,
      ),
    )
  }

  private streamOf<W>(operator: Operator, value: Format): KStream<K, W> {
    const { scope, port, name, key } = this.open(operator.label)
    const node = scope.graph.operator(port, operator)
    return scope.stream({ scope, port: { node, branch: 0 }, stem: name, key, value, rekeyed: null })
  }

  /** Rows are where the store is: a view may not run at all. */
  private queried() {
    const { name, owner, key, lookup } = this.#lane
    const codec: AnyCodec = key
    return { name, port: { node: owner, branch: 0 }, key: codec, lookup }
  }
}

import type { Option } from 'fp-ts/lib/Option.js'
import type { Fn } from '../core/record.js'
import { changes, type Change } from '../table/changes.js'
import { filterLookup, mapLookup } from '../table/lookup.js'
import { materializeChange } from '../table/materialize.js'
import { filterTable } from '../table/table-filter.js'
import { mapTable } from '../table/table-map.js'
import { toStream } from '../table/to-stream.js'
import { derivedName } from '../topology/names.js'
import type { Operator } from '../topology/operator.js'
import type { TopicSink } from '../topology/topic.js'
import { innerJson, nullableFormat, rememberTable, type AnyCodec, type Format, type TableLane } from './lane.js'
import { pipeline } from './pipeline.js'
import { readRange, valueOf, type Range } from './query.js'
import { storeTable } from './store-table.js'
import type { KStream, KTable, Pipeline, StoreOptions } from './surface.js'

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

  private open(verb: string): TableLane {
    this.#lane.scope.graph.host.assertOpen(verb)
    return this.#lane
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

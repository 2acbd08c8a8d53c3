import { agg } from '../table/aggregators.js'
import type { Reversible } from '../table/aggregator.js'
import { aggregateHalves } from '../table/regroup.js'
import { derivedName } from '../topology/names.js'
import type { StoreSpec } from '../topology/operator.js'
import type { KeyedLane } from './by-key.js'
import { innerJson } from './lane.js'
import { refuseTtl, storeTable } from './store-table.js'
import type { KTable, KTableGroup, StoreOptions } from './surface.js'

/** The halves of a table's changes, where their new keys say. */
export class TableGroup<K, V> implements KTableGroup<K, V> {
  constructor(private readonly lane: KeyedLane) {
    Object.freeze(this)
  }

  count(store?: StoreOptions<number>): KTable<K, number> {
    return this.fold('count', agg.count, store)
  }

  aggregate<A>(by: Reversible<K, V, A>, store?: StoreOptions<A>): KTable<K, A> {
    return this.fold('aggregate', by, store)
  }

  private fold<A>(label: 'count' | 'aggregate', by: Reversible<K, V, A>, store: StoreOptions<A> | undefined): KTable<K, A> {
    const { scope, port: parent, key, stem } = this.lane
    scope.graph.host.assertOpen(label)
    const reason = 'the rows it has added are still to be taken out again. Give the ttl to the table that is grouped'
    if (store !== undefined) refuseTtl(store, `${label} of a grouped table`, reason)
    const operator = (spec: StoreSpec<K, A>) => aggregateHalves(by, spec, label)
    return scope.table(storeTable({ scope, parent, name: derivedName(stem, label), key, value: () => innerJson, label, operator }, store))
  }
}

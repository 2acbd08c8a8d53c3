import { aggregate, count, reduce } from '../table/aggregate.js'
import type { Aggregator } from '../table/aggregator.js'
import type { Meta } from '../core/record.js'
import type { TopicSink } from '../topology/topic.js'
import { windowsOf, type FixedWindows, type SessionWindows } from '../window/windows.js'
import { derivedName } from '../topology/names.js'
import type { Operator, StoreSpec } from '../topology/operator.js'
import { byKey } from './by-key.js'
import { Cogroup } from './cogroup.js'
import { innerJson, rememberGroup, writable, type AnyCodec, type Lane } from './lane.js'
import { storeTable } from './store-table.js'
import type { KCogroup, KGroup, KSession, KTable, KWindowed, StoreOptions } from './surface.js'
import { WindowedGroup } from './windowed-group.js'

/** Every verb of it goes by key, so all of them share one repartition topic. */
export class Group<K, V> implements KGroup<K, V> {
  constructor(private readonly lane: Lane) {
    rememberGroup(this, lane)
    Object.freeze(this)
  }

  cogroup<A>(add: (acc: A, value: V, meta: Meta<K>) => A): KCogroup<K, A> {
    return new Cogroup<K, A>([{ lane: this.lane, add }])
  }

  window(by: FixedWindows, options?: { readonly late?: TopicSink<K, V> | undefined }): KWindowed<K, V>
  window(by: SessionWindows, options?: { readonly late?: TopicSink<K, V> | undefined }): KSession<K, V>
  window(by: FixedWindows | SessionWindows, { late }: { readonly late?: TopicSink<K, V> | undefined } = {}): WindowedGroup<K, V> {
    return new WindowedGroup(this.lane, windowsOf(by), late)
  }

  count(store?: StoreOptions<number>): KTable<K, number> {
    return this.fold('count', count, () => innerJson, store)
  }

  reduce(f: (a: V, b: V) => V, store?: StoreOptions<V>): KTable<K, V> {
    // What two values give is a value of the same kind, so it is written like one.
    const { value, stem } = this.lane
    return this.fold(
      'reduce',
      (spec) => reduce(f, spec),
      () => writable(value, `the values of ${stem}`),
      store,
    )
  }

  aggregate<A>(by: Aggregator<K, V, A>, store?: StoreOptions<A>): KTable<K, A> {
    return this.fold(
      'aggregate',
      (spec: StoreSpec<K, A>) => aggregate(by, spec),
      () => innerJson,
      store,
    )
  }

  private fold<A>(
    label: 'count' | 'reduce' | 'aggregate',
    operator: (store: StoreSpec<K, A>) => Operator,
    value: () => AnyCodec,
    options: StoreOptions<A> | undefined,
  ): KTable<K, A> {
    const { scope, stem } = this.lane
    scope.graph.host.assertOpen(label)
    const { port, key } = byKey(this.lane, label)
    return scope.table(storeTable({ scope, parent: port, name: derivedName(stem, label), key, value, label, operator }, options))
  }
}

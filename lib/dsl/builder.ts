import type { Duration } from '../core/duration.js'
import type { StreamOptions } from '../topology/node.js'
import type { Port } from '../topology/node.js'
import type { Declaration } from '../topology/plan.js'
import type { ErrorPolicy } from '../topology/policy.js'
import type { Topic, TopicSource } from '../topology/topic.js'
import { Graph } from './graph.js'
import { Group } from './group.js'
import type { Host } from './host.js'
import type { Scope } from './lane.js'
import { Sources } from './sources.js'
import { Stream } from './stream.js'
import type { GlobalTable, KStream, KTable, StoreOptions } from './surface.js'
import { Table } from './table.js'

/** The declaring half of an app: where all streams and tables begin. */
export interface Builder {
  stream<K, V>(source: TopicSource<K, V> | readonly TopicSource<K, V>[], options?: StreamOptions): KStream<K, V>
  table<K, V>(
    source: Topic<K, V>,
    store?: StoreOptions<V> & { history?: Duration | undefined; onError?: ErrorPolicy | undefined },
  ): KTable<K, V>
  globalTable<K, V>(source: Topic<K, V>): GlobalTable<K, V>
  /** For `buildPlan`. `heard`: ports that `Host.subscribe` was called with; they run for that. */
  declaration(heard: readonly Port[]): Declaration
}

export const createBuilder = (host: Host, appId: string): Builder => {
  const graph = new Graph(host, appId)
  const scope: Scope = {
    graph,
    stream: (lane) => new Stream(lane),
    group: (lane) => new Group(lane),
    table: (lane) => new Table(lane),
    read: (topic) => sources.streamOf(topic),
  }
  const sources = new Sources(scope)
  return {
    stream: (source, options) => {
      host.assertOpen('stream')
      return new Stream(sources.streamOf(source, options))
    },
    table: (source, store) => {
      host.assertOpen('table')
      return new Table(sources.tableOf(source, store))
    },
    globalTable: (source) => {
      host.assertOpen('globalTable')
      return sources.globalOf(source)
    },
    declaration: (heard) => graph.declaration(heard),
  }
}

import { isDeepStrictEqual } from 'node:util'
import { codec, sameCodec } from '../core/codec.js'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import { materialize } from '../table/materialize.js'
import type { SourceNode, SourceOptions, SourceTopic, StreamOptions } from '../topology/node.js'
import { checkName } from '../topology/names.js'
import type { ErrorPolicy } from '../topology/policy.js'
import type { Topic, TopicSource } from '../topology/topic.js'
import { WholeTable } from './global-table.js'
import { isKeyless, type GlobalLane, type Lane, type Scope, type TableLane } from './lane.js'
import { merged } from './merge.js'
import { sourceOptions } from './source-options.js'
import { storeTable, versionedTable } from './store-table.js'
import type { GlobalTable, StoreOptions } from './surface.js'

/* eslint-disable @typescript-eslint/no-explicit-any -- the plan erases record types: topics of anything */
type AnySource = TopicSource<any, any>
type AnyTopic = Topic<any, any>
type TableSourceOptions = StoreOptions<any> & { readonly history?: Duration | undefined }

/** The inputs of an app. A topic has one source, however often it is named: a partition has one position. */
export class Sources {
  private readonly streams = new Map<string, SourceNode>()
  private readonly tables = new Map<
    string,
    { readonly lane: TableLane; readonly source: SourceNode; readonly options: TableSourceOptions }
  >()
  private readonly globals = new Map<string, { readonly table: GlobalTable<any, any>; readonly topic: SourceTopic }>()

  constructor(private readonly scope: Scope) {}

  streamOf(source: AnySource | readonly AnySource[], options?: StreamOptions): Lane {
    const [first, ...others] = (isList(source) ? source : [source]).map((topic) => this.stream(topic, options))
    if (first === undefined) throw new MillraceError('MR_CONFIG', 'stream was given no topic at all')
    return merged(first, others)
  }

  tableOf(topic: AnyTopic, { onError, ...store }: TableSourceOptions & { readonly onError?: ErrorPolicy | undefined } = {}): TableLane {
    checkTable(topic, 'table')
    const known = this.tables.get(topic.name)
    const options = sourceOptions(topic.name, { onError })
    const source = this.source(topic, 'table', options, known?.source)
    if (known && isSameStore(known.options, store)) return known.lane
    if (known) throw new MillraceError('MR_SOURCE_OPTIONS', `topic ${topic.name} is a table twice, with different store options`)
    const lane = this.tableFrom(topic, source, store)
    this.tables.set(topic.name, { lane, source, options: store })
    return lane
  }

  globalOf(topic: AnyTopic): GlobalTable<any, any> {
    const known = this.globals.get(topic.name)
    if (known && isSameTopic(known.topic, topic)) return known.table
    if (known) throw new MillraceError('MR_SOURCE_OPTIONS', `topic ${topic.name} is a global table twice, with different descriptors`)
    checkTable(topic, 'globalTable')
    const { name, key, value } = topic
    const lane: GlobalLane = { scope: this.scope, spec: this.scope.graph.global({ name, topic, key, value }) }
    const table = new WholeTable<any, any>(lane)
    this.globals.set(name, { table, topic })
    return table
  }

  private stream(topic: AnySource, options: StreamOptions | undefined): Lane {
    const node = this.source(topic, 'stream', sourceOptions(topic.name, options), this.streams.get(topic.name))
    this.streams.set(topic.name, node)
    return { scope: this.scope, port: { node, branch: 0 }, stem: topic.name, key: topic.key, value: topic.value, rekeyed: null }
  }

  private source(topic: SourceTopic, as: 'stream' | 'table', options: SourceOptions, known: SourceNode | undefined): SourceNode {
    checkName(topic.name, 'the name of a topic')
    const any = known ?? this.streams.get(topic.name) ?? this.tables.get(topic.name)?.source
    if (any && !isDeepStrictEqual(any.options, options)) {
      throw new MillraceError('MR_SOURCE_OPTIONS', `topic ${topic.name} is used twice, with different options`)
    }
    if ((known && !isSameTopic(known.topic, topic)) || (any && !isReadAlike(any.topic, topic))) {
      throw new MillraceError('MR_SOURCE_OPTIONS', `topic ${topic.name} is used twice, with different descriptors`)
    }
    return known ?? this.scope.graph.source({ label: topic.name, topic, as, options })
  }

  private tableFrom(topic: AnyTopic, source: SourceNode, { history, ...store }: TableSourceOptions): TableLane {
    const parent = { node: source, branch: 0 }
    if (history !== undefined) return versionedTable(this.scope, parent, topic, durationMs(history, `table ${topic.name}: history`), store)
    const { timestamp }: SourceTopic = topic
    // A row restored from the topic must be the row that was written: same bytes, same time; and none that has expired.
    const isAsInTopic =
      timestamp === undefined && store.ttl === undefined && (store.value === undefined || sameCodec(store.value, topic.value))
    return storeTable(
      {
        scope: this.scope,
        parent,
        name: topic.name,
        key: topic.key,
        value: () => topic.value,
        label: 'table',
        operator: (spec) => materialize(spec, 'table'),
        source: isAsInTopic ? topic : null,
      },
      store,
    )
  }
}

const isSameStore = (a: TableSourceOptions, b: TableSourceOptions): boolean =>
  a.name === b.name &&
  a.history === b.history &&
  a.store === b.store &&
  a.ttl === b.ttl &&
  (a.value === b.value || (a.value !== undefined && b.value !== undefined && sameCodec(a.value, b.value)))
/* eslint-enable @typescript-eslint/no-explicit-any */

const isList = <A>(given: A | readonly A[]): given is readonly A[] => Array.isArray(given)

const checkTable = (topic: SourceTopic, verb: string): void => {
  if (isKeyless(topic.key)) throw new MillraceError('MR_KEY_NONE', `${verb}: topic ${topic.name} is read with ${codec.none.name} for a key`)
}

const isSameTopic = (a: SourceTopic, b: SourceTopic): boolean => sameCodec(a.key, b.key) && sameCodec(a.value, b.value) && isReadAlike(a, b)

/** What holds for the whole topic, also when it is a stream here and a table there. */
const isReadAlike = (a: SourceTopic, b: SourceTopic): boolean => a.timestamp === b.timestamp && a.partition === b.partition

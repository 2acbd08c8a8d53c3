import { MillraceError } from '../core/errors.js'
import type { Meta, Windowed } from '../core/record.js'
import { aggregate } from '../table/aggregate.js'
import { addedCodec, addedValue, cogrouped, tagged, type Adder } from '../table/cogroup.js'
import { aggregateFold } from '../table/windowed/fold.js'
import { derivedName, mergedName } from '../topology/names.js'
import type { Port } from '../topology/node.js'
import type { TopicSink } from '../topology/topic.js'
import { windowsOf, type FixedWindows, type SessionWindows, type Windows } from '../window/windows.js'
import { byKey } from './by-key.js'
import { commonFormat, groupLaneOf, innerJson, writable, type AnyCodec, type Lane } from './lane.js'
import { storeTable } from './store-table.js'
import type { KCogroup, KGroup, KTable, StoreOptions } from './surface.js'
import { windowedTable } from './windowed-group.js'

interface Member<K, A> {
  readonly lane: Lane
  readonly add: Adder<K, A>
}
interface Merged {
  readonly scope: Lane['scope']
  readonly parent: Port
  readonly key: AnyCodec
  /** How the tagged values are written. */
  readonly value: () => AnyCodec
  readonly stem: string
}
interface Window {
  readonly windows: Windows
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- keys of the type its group has
  readonly late: TopicSink<any, unknown> | undefined
}

/** Several groups of one key on their way to one table. */
export class Cogroup<K, A> implements KCogroup<K, A> {
  constructor(private readonly members: readonly [Member<K, A>, ...Member<K, A>[]]) {
    Object.freeze(this)
  }

  with<V>(group: KGroup<K, V>, add: (acc: A, value: V, meta: Meta<K>) => A): KCogroup<K, A> {
    const lane = groupLaneOf(group, this.members[0].lane.scope)
    return new Cogroup([...this.members, { lane, add }])
  }

  window(
    by: FixedWindows,
    options?: { late?: TopicSink<K, unknown> | undefined },
  ): { aggregate(empty: A, store?: StoreOptions<A>): KTable<Windowed<K>, A> }
  window(
    by: SessionWindows,
    options?: { late?: TopicSink<K, unknown> | undefined },
  ): { aggregate(empty: A, merge: (a: A, b: A) => A, store?: StoreOptions<A>): KTable<Windowed<K>, A> }
  window(by: FixedWindows | SessionWindows, { late }: { late?: TopicSink<K, unknown> | undefined } = {}) {
    const windows = windowsOf(by)
    return {
      aggregate: (empty: A, second?: StoreOptions<A> | ((a: A, b: A) => A), third?: StoreOptions<A>): KTable<Windowed<K>, A> =>
        typeof second === 'function'
          ? this.windowed({ windows, late }, empty, second, third)
          : this.windowed({ windows, late }, empty, null, second),
    }
  }

  aggregate(empty: A, store?: StoreOptions<A>): KTable<K, A> {
    const { scope, parent, key, stem } = this.merged()
    const table = {
      scope,
      parent,
      name: derivedName(stem, 'cogroup'),
      key,
      value: () => innerJson,
      label: 'cogroup',
      operator: (spec: Parameters<typeof aggregate<K, unknown, A>>[1]) => aggregate(this.adding(empty), spec, 'cogroup'),
    }
    return scope.table(storeTable(table, store))
  }

  private windowed(
    window: Window,
    empty: A,
    merge: ((a: A, b: A) => A) | null,
    store: StoreOptions<A> | undefined,
  ): KTable<Windowed<K>, A> {
    const { windows, late } = window
    if (windows.kind === 'session' && merge === null)
      throw new MillraceError('MR_CONFIG', 'cogroup: sessions become one, so aggregate(empty, merge) needs `merge`')
    const { stem, ...merged } = this.merged()
    const from = { ...merged, name: derivedName(stem, 'cogroup'), windows, late, lateValue: addedValue }
    return merged.scope.table(windowedTable(from, aggregateFold(this.adding(empty), merge, 'cogroup'), () => innerJson, store))
  }

  private adding(empty: A) {
    return cogrouped<K, A>(
      empty,
      this.members.map(({ add }) => add),
    )
  }

  /** Each input by its key; then one stream of what adds itself. */
  private merged(): Merged {
    const [{ lane: first }] = this.members
    const { scope } = first
    scope.graph.host.assertOpen('cogroup')
    const lanes = this.members.map(({ lane }) => byKey(lane, 'cogroup'))
    const key = lanes[0]?.key
    if (key === undefined || commonFormat(lanes.map((lane) => lane.key)) === null)
      throw new MillraceError(
        'MR_KEY_CODEC',
        `cogroup: the keys of ${this.members.map(({ lane }) => lane.stem).join(', ')} are written differently`,
      )
    const ports = lanes.map(({ port }, i): Port => ({ node: scope.graph.operator(port, tagged(i)), branch: 0 }))
    const [only, ...others] = ports
    const parent = only !== undefined && others.length === 0 ? only : { node: scope.graph.merge(ports), branch: 0 }
    const stem = this.members.length === 1 ? first.stem : mergedName(this.members.map(({ lane }) => lane.stem))
    const value = (): AnyCodec => addedCodec(lanes.map((lane) => writable(lane.value, `the values of ${lane.stem}`)))
    return { scope, parent, key, value, stem }
  }
}

import type { Either } from 'fp-ts/lib/Either.js'
import type { Separated } from 'fp-ts/lib/Separated.js'
import type { These } from 'fp-ts/lib/These.js'
import { Observable, type Observer, type OperatorFunction, type Subscription } from 'rxjs'
import type { Codec } from '../core/codec.js'
import type { Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import type { KHeadersInit } from '../core/headers.js'
import type { Fn, KRecord, Meta } from '../core/record.js'
import { batch } from '../operators/batch.js'
import { each } from '../operators/each.js'
import { filter } from '../operators/filter.js'
import { flatMap } from '../operators/flat-map.js'
import { mapAsync, type MapAsyncOptions } from '../operators/map-async.js'
import { mapEither } from '../operators/map-either.js'
import { map } from '../operators/map.js'
import { rx } from '../operators/rx.js'
import { split } from '../operators/split.js'
import { tap } from '../operators/tap.js'
import { toSink, type BatchSink } from '../operators/to-sink.js'
import { withHeaders } from '../operators/with-headers.js'
import { withTimestamp } from '../operators/with-timestamp.js'
import { materialize } from '../table/materialize.js'
import { branchName, checkName, derivedName } from '../topology/names.js'
import type { Operator } from '../topology/operator.js'
import type { Topic, TopicSink } from '../topology/topic.js'
import { byKey, checkKey, rekey, repartition } from './by-key.js'
import { distinctLane } from './distinct.js'
import { guardObserver } from './guard-observer.js'
import { joinedTable, type TableVerb } from './join.js'
import { joinedStreams, type StreamVerb } from './join-streams.js'
import { innerJson, isStream, laneOf, rememberStream, writable, type AnyFn, type Lane } from './lane.js'
import { merged } from './merge.js'
import { pipeline } from './pipeline.js'
import { processLane } from './process.js'
import { storeTable } from './store-table.js'
import type { JoinWindow, KGroup, KStream, KTable, Pipeline, Processor, StoreOptions, Stores, TableJoinOptions } from './surface.js'

/**
 * An Observable through its constructor alone: `pipe` gives plain Observables, and nothing here depends on how rxjs is made
 * inside. Each verb adds a node and gives the stream of what comes out of it.
 */
export class Stream<K, V> extends Observable<KRecord<K, V>> implements KStream<K, V> {
  readonly #lane: Lane

  constructor(lane: Lane) {
    super((subscriber) => lane.scope.graph.host.subscribe(lane.port, subscriber))
    this.#lane = lane
    rememberStream(this, lane)
  }

  /** RxJS would throw what an observer throws at the process; here it is said in the log, and the observer goes on hearing. */
  override subscribe(
    observer?: Partial<Observer<KRecord<K, V>>> | ((record: KRecord<K, V>) => void) | null,
    ...more: readonly (((argument: never) => void) | null | undefined)[]
  ): Subscription {
    const { host } = this.#lane.scope.graph
    host.assertHearable(this.#lane.port)
    return super.subscribe(guardObserver(observer, more, (error) => host.observerThrew(error)))
  }

  filter<W extends V>(keep: (value: V, meta: Meta<K>) => value is W): KStream<K, W>
  filter(keep: Fn<K, V, boolean>): KStream<K, V>
  filter(keep: Fn<K, V, boolean>): KStream<K, V> {
    return this.verb(filter(keep), {})
  }
  map<W>(f: Fn<K, V, W>): KStream<K, W> {
    return this.verb(map(f), { value: innerJson })
  }
  flatMap<W>(f: Fn<K, V, Iterable<W>>): KStream<K, W> {
    return this.verb(flatMap(f), { value: innerJson })
  }
  mapAsync<W>(f: (value: V, meta: Meta<K>, signal: AbortSignal) => Promise<W>, options?: MapAsyncOptions): KStream<K, W> {
    return this.verb(mapAsync(f, options), { value: innerJson })
  }
  mapEither<E, W>(f: Fn<K, V, Either<E, W>>): Separated<KStream<K, E>, KStream<K, W>> {
    const [left, right] = this.branches(mapEither(f), ['left', 'right'], { value: innerJson })
    return Object.freeze({ left: this.#lane.scope.stream(left), right: this.#lane.scope.stream(right) })
  }
  tap(f: Fn<K, V, void>): KStream<K, V> {
    return this.verb(tap(f), {}, 'runs by itself')
  }
  withHeaders(f: Fn<K, V, KHeadersInit>): KStream<K, V> {
    return this.verb(withHeaders(f), {})
  }
  withTimestamp(f: Fn<K, V, number>): KStream<K, V> {
    return this.verb(withTimestamp(f), {})
  }
  keyBy<J>(f: Fn<K, V, J>, key: Codec<J>, options?: { name?: string | undefined }): KStream<J, V> {
    return this.#lane.scope.stream(rekey(this.open('keyBy'), 'keyBy', f, key, options?.name))
  }
  encodedAs(value: Codec<V>): KStream<K, V> {
    return this.#lane.scope.stream({ ...this.open('encodedAs'), value })
  }
  distinct(options: { within: Duration; by?: Fn<K, V, unknown> | undefined; name?: string | undefined }): KStream<K, V> {
    const lane = this.open('distinct')
    return lane.scope.stream(distinctLane(lane, options))
  }
  batch(options: { size: number; within: Duration }): KStream<K, readonly KRecord<K, V>[]> {
    return this.verb(batch(options), { value: innerJson })
  }
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- as on the surface
  process<W = never, S extends Stores = {}>(processor: Processor<K, V, W, S>): KStream<K, W> {
    return this.#lane.scope.stream(processLane(this.open(processor.name), processor))
  }

  mergeWith<J, W>(...others: readonly KStream<J, W>[]): KStream<K | J, V | W> {
    const lane = this.open('mergeWith')
    return lane.scope.stream(
      merged(
        lane,
        others.map((other) => laneOf(other, lane.scope)),
      ),
    )
  }
  split<N extends string>(branches: Readonly<Record<N, Fn<K, V, boolean>>>): { readonly [P in N | 'rest']: KStream<K, V> } {
    const names = Object.keys(branches)
    if (names.includes('rest')) throw new MillraceError('MR_CONFIG', 'split: the branch "rest" is the one for what is left')
    for (const name of names) checkName(name, 'a branch of split')
    const all = [...names, 'rest']
    const lanes = this.branches(split(Object.values<Fn<K, V, boolean>>(branches)), all, {})
    // Entries lose the names: there is one stream for each of them, and rest.
    return Object.freeze(Object.fromEntries(lanes.map((lane, i) => [all[i], lane.scope.stream(lane)]))) as Record<N | 'rest', KStream<K, V>>
  }
  repartition(options?: { partitions?: number | undefined; name?: string | undefined }): KStream<K, V> {
    return this.#lane.scope.stream(repartition(this.open('repartition'), options))
  }
  through(topic: Topic<K, V>): KStream<K, V> {
    const { scope, port } = this.open('through')
    scope.graph.sink(port, topic)
    return scope.stream(scope.read(topic))
  }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the implementation of all arities; each of them is exact
  rx(...operators: readonly OperatorFunction<any, any>[]): KStream<K, any> {
    return this.verb(rx(operators), { value: innerJson })
  }

  groupByKey(): KGroup<K, V> {
    return this.grouped(this.open('groupByKey'), 'groupByKey')
  }
  groupBy<J>(f: Fn<K, V, J>, key: Codec<J>, options?: { name?: string | undefined }): KGroup<J, V> {
    return this.grouped(rekey(this.open('groupBy'), 'groupBy', f, key, options?.name), 'groupBy')
  }
  join<R>(right: object, ...given: readonly unknown[]): KStream<K, R> {
    return this.joined('join', right, given)
  }
  leftJoin<R>(right: object, ...given: readonly unknown[]): KStream<K, R> {
    return this.joined('leftJoin', right, given)
  }
  outerJoin<W, R>(right: KStream<K, W>, within: JoinWindow, f: (sides: These<V, W>, meta: Meta<K>) => R): KStream<K, R> {
    const lane = this.open('outerJoin')
    return lane.scope.stream(joinedStreams(lane, laneOf(right, lane.scope), 'outerJoin', within, f))
  }

  toTopic(sink: TopicSink<K, V> | Fn<K, V, TopicSink<K, V>>): Pipeline {
    const { scope, port, stem } = this.open('toTopic')
    scope.graph.sink(port, sink)
    return pipeline(typeof sink === 'function' ? `${stem}-by-record` : sink.name)
  }
  toTable(store?: StoreOptions<NonNullable<V>>): KTable<K, NonNullable<V>> {
    const { scope, stem, value } = this.open('toTable')
    const { port, key } = byKey(this.#lane, 'toTable')
    return scope.table(
      storeTable(
        {
          scope,
          parent: port,
          name: derivedName(stem, 'toTable'),
          key,
          value: () => writable(value, `the values of ${stem}`),
          label: 'toTable',
          operator: (spec) => materialize(spec),
        },
        store,
      ),
    )
  }
  toSink(sink: BatchSink<K, V>): Pipeline {
    this.verb(toSink(sink), {}, 'runs by itself')
    return pipeline(sink.name)
  }
  each(f: Fn<K, V, void | Promise<void>>): Pipeline {
    this.verb(each(f), {}, 'runs by itself')
    return pipeline(`${this.#lane.stem}-each`)
  }

  /** Every verb calls it first. */
  private open(verb: string): Lane {
    this.#lane.scope.graph.host.assertOpen(verb)
    return this.#lane
  }

  /** A verb that neither names nor moves anything. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the plan erases types: the verb above has said what comes out
  private verb(operator: Operator, changes: Partial<Pick<Lane, 'value'>>, runs?: 'runs by itself'): KStream<K, any> {
    const lane = this.open(operator.label)
    const node = lane.scope.graph.operator(lane.port, operator)
    if (runs) lane.scope.graph.end(node)
    return lane.scope.stream({ ...lane, port: { node, branch: 0 }, ...changes })
  }

  private branches<const N extends readonly string[]>(
    operator: Operator,
    names: N,
    changes: Partial<Pick<Lane, 'value'>>,
  ): { readonly [I in keyof N]: Lane } {
    const lane = this.open(operator.label)
    const node = lane.scope.graph.operator(lane.port, operator, { branches: names })
    const rekeyed = (name: string) => (lane.rekeyed === null ? null : branchName(lane.rekeyed, name))
    const lanes = names.map((name, branch) => ({
      ...lane,
      ...changes,
      port: { node, branch },
      stem: branchName(lane.stem, name),
      rekeyed: rekeyed(name),
    }))
    // As many as there are names; `map` forgets how many that is.
    return lanes as { readonly [I in keyof N]: Lane }
  }

  /** What follows the right side depends on what it is; the overloads of the surface have typed it. */
  private joined<R>(verb: StreamVerb & TableVerb, right: object, [first, second]: readonly unknown[]): KStream<K, R> {
    const lane = this.open(verb)
    const { scope } = lane
    return isStream(right)
      ? scope.stream(joinedStreams(lane, laneOf(right, scope), verb, first as JoinWindow, second as AnyFn))
      : scope.stream(joinedTable(lane, right, verb, first as AnyFn, second as AnyFn | TableJoinOptions | undefined))
  }

  private grouped<J>(lane: Lane, verb: string): KGroup<J, V> {
    checkKey(lane, verb)
    return lane.scope.group(lane)
  }
}

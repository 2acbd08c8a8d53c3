/**
 * What a program sees of millrace: streams, groups, tables, the app. Types and their documentation, nothing else.
 *
 * Said once, true for all verbs: a verb subscribes to nothing, it adds to the plan of its app, and after `start()` it throws
 * `MR_TOPOLOGY_FROZEN`. Lambdas get the value first and all the rest of the record second, run once per record of a batch
 * that is read again after a crash, and must not return promises unless the verb says so (`MR_PROMISE_IN_SYNC_VERB`). One
 * that throws fails its record at stage `process`, for the `onError` policy. Only what leads to a topic, a table, a sink, a
 * `tap`, an `each` or a `subscribe` runs at all.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Separated } from 'fp-ts/lib/Separated.js'
import type { These } from 'fp-ts/lib/These.js'
import type { Observable, Observer, OperatorFunction } from 'rxjs'
import type { Codec } from '../core/codec.js'
import type { Duration } from '../core/duration.js'
import type { KHeadersInit } from '../core/headers.js'
import type { Fn, KRecord, Meta, Windowed } from '../core/record.js'
import type { MapAsyncOptions } from '../operators/map-async.js'
import type { BatchSink } from '../operators/to-sink.js'
import type { Aggregator, Mergeable, Reversible } from '../table/aggregator.js'
import type { Change } from '../table/changes.js'
import type { Topology } from '../topology/describe.js'
import type { StreamOptions } from '../topology/node.js'
import type { ErrorPolicy } from '../topology/policy.js'
import type { Topic, TopicSink, TopicSource } from '../topology/topic.js'
import type { Compression } from '../transport/batch/compression.js'
import type { FixedWindows, SessionWindows } from '../window/windows.js'

/* ---------------------------------------------------------------- streams */

/**
 * A topic as it flows, record by record: an RxJS Observable with verbs of its own.
 *
 * `subscribe` and `pipe` are RxJS's: what leaves through them is a plain object, no longer tracked, and counts as done when
 * `next` returned. What goes through the verbs below is tracked: an offset is committed when all that came of its record is
 * safe. A stream as a function argument is what a reusable step takes and returns.
 *
 * **Source** KStream.
 *
 * @example
 * const large = (orders: KStream<string, Order>): KStream<string, number> =>
 *   orders.filter((order) => order.amount >= 100).map((order) => order.amount)
 * @since 0.1.0
 */
export interface KStream<out K, out V> extends Observable<KRecord<K, V>> {
  /* ------------------------------------------- one record in, at most one out */

  /**
   * Keeps the records whose value passes; a type guard narrows the type.
   * **Emits** the record as it is, or nothing.
   * **Source** KStream.filter; RxJS filter.
   * @since 0.1.0
   */
  filter<W extends V>(keep: (value: V, meta: Meta<K>) => value is W): KStream<K, W>
  /** With a test that narrows nothing. */
  filter(keep: Fn<K, V, boolean>): KStream<K, V>

  /**
   * Replaces the value.
   * **Emits** one record with the key, timestamp and headers of the one that came. Inside the app its value is written as
   * JSON from here on: see `encodedAs`.
   * **Source** KStream.mapValues; RxJS map.
   * @since 0.1.0
   */
  map<W>(f: Fn<K, V, W>): KStream<K, W>

  /**
   * Any number of values for one.
   * **Emits** a record for each value, in order, with the key, timestamp and headers of the one that came.
   * **Source** KStream.flatMapValues.
   *
   * @example
   * lines.flatMap((line) => line.toLowerCase().match(/\p{L}+/gu) ?? [])
   * @since 0.1.0
   */
  flatMap<W>(f: Fn<K, V, Iterable<W>>): KStream<K, W>

  /**
   * Replaces the value by what a promise gives: bounded, in order unless told otherwise, and the record's offset is not
   * committed before its promise settles. The signal aborts at the timeout and when the app stops. In order, results also meet
   * other streams and tables as if they had been there at once; where what has been looked up in a table leads back to it, the task
   * waits for the promises on the way, those of one batch at a time, before it does anything else.
   * **Emits** one record for each promise that is fulfilled. A rejection or a timeout (`MR_TIMEOUT`) that `retry` does not
   * mend is a failure at stage `process`.
   * **Throws** `MR_CONFIG`, `MR_DURATION` for odd options.
   * **Source** RxJS mergeMap with a concurrency, but counted.
   *
   * @example
   * events.mapAsync((event, _meta, signal) => lookUp(event.ip, { signal }), { concurrency: 32, order: 'key', timeout: '2s' })
   * @since 0.1.0
   */
  mapAsync<W>(f: (value: V, meta: Meta<K>, signal: AbortSignal) => Promise<W>, options?: MapAsyncOptions): KStream<K, W>

  /**
   * Parts a stream by the side of an Either.
   * **Emits** each record on one of the two streams, with the value inside.
   * **Source** fp-ts Compactable.separate.
   *
   * @example
   * const { left: broken, right: good } = readings.mapEither((r) => (r.celsius > -274 ? E.right(r) : E.left(`impossible: ${r.sensor}`)))
   * @since 0.1.0
   */
  mapEither<E, W>(f: Fn<K, V, Either<E, W>>): Separated<KStream<K, E>, KStream<K, W>>

  /**
   * Looks at each record, and changes nothing. A tap alone makes its stream run.
   * **Emits** the record as it is.
   * **Source** KStream.peek; RxJS tap.
   * @since 0.1.0
   */
  tap(f: Fn<K, V, void>): KStream<K, V>

  /**
   * Sets headers: those of the same name are replaced, the others stay, in their order.
   * **Emits** the record with the new headers.
   * @since 0.1.0
   */
  withHeaders(f: Fn<K, V, KHeadersInit>): KStream<K, V>

  /**
   * Replaces the event time, in ms since the epoch. Where all records of a topic have theirs in the value, say so in the
   * topic's descriptor instead: then the choice among inputs goes by it too.
   * **Emits** the record with the new time. Anything but a finite number ≥ 0 fails the record (`MR_TIMESTAMP`).
   * @since 0.1.0
   */
  withTimestamp(f: Fn<K, V, number>): KStream<K, V>

  /**
   * Replaces the key. Nothing moves yet: the first verb that goes by key sends the records through a repartition topic.
   * **Emits** the record with the new key.
   * **Owns** topic `<app>-<stem>-keyed-repartition`, or `<app>-<name>-repartition`, if a verb that goes by key follows. Several
   * verbs on the very stream this returns share it.
   * **Throws** at start `MR_NAME_AMBIGUOUS` when two such topics would have one name.
   * **Source** KStream.selectKey.
   * @since 0.1.0
   */
  keyBy<J>(f: Fn<K, V, J>, key: Codec<J>, options?: { name?: string | undefined }): KStream<J, V>

  /**
   * Says how values are written inside the app from here on: in repartition topics and in stores. Default: the source's codec
   * while values are unchanged, else JSON.
   * **Emits** the record as it is.
   *
   * @example
   * orders.map((order) => new Date(order.at)).encodedAs(date).groupByKey()
   * @since 0.1.0
   */
  encodedAs(value: Codec<V>): KStream<K, V>

  /**
   * The first of a value passes, later equals of its key are dropped.
   *
   * - `within`: for how long after the one that passed, in event time. One that is dropped does not extend it
   * - `by`: what must be equal, as JSON, bytes or bigint. Default: the value as it is written inside the app
   * - `name`: of the store. Default `<stem>-distinct`
   *
   * An equal that is out of order is told for `within` of stream time longer; one that is later than that passes.
   * **Emits** the record as it is. Null keys and null values are dropped, and counted.
   * **Owns** a store and its changelog; a repartition topic, if the key was replaced above.
   * **Throws** `MR_DURATION`, and as `groupByKey`.
   *
   * @example
   * alarms.distinct({ within: '5m', by: (alarm) => alarm.sensor })
   * @since 0.1.0
   */
  distinct(options: { within: Duration; by?: Fn<K, V, unknown> | undefined; name?: string | undefined }): KStream<K, V>

  /**
   * Records as lists, in order and whatever their key: for what works better on many at a time. Memory only: offsets wait until
   * the list is done with, and a commit that is due takes what is there, so a list may be shorter than asked for.
   *
   * - `size`: records in a list, at most
   * - `within`: wall time, how long the first of a list may wait for others
   *
   * **Emits** one record per list, with key, timestamp and headers of its last; a failure behind it is that record's. The records
   * inside are plain objects with their own bytes.
   * **Throws** `MR_CONFIG` for a size that is not a whole number above 0, `MR_DURATION`.
   * **Source** RxJS bufferTime, but counted.
   *
   * @example
   * orders.batch({ size: 500, within: '1s' }).each((list) => database.insert(list.map(({ value }) => value)))
   * @since 0.1.0
   */
  batch(options: { size: number; within: Duration }): KStream<K, readonly KRecord<K, V>[]>

  /**
   * Full control, for what no verb says: state by key, timers in event time and in wall time, any number of results. See
   * `Processor`. It runs even if nothing follows.
   *
   * A record moves stream time first, then the event timers fire that it makes due, then `onRecord` is called with it. What a call
   * has written, timers and results too, is taken back when it throws; a timer that throws is put to the policy by itself.
   * **Emits** what `emit` is given, with the key of the record or timer. With stores or timers, null keys and null values are
   * dropped, and counted; without, they pass to `onRecord`.
   * **Owns** stores `<name>-<store>` unless they are named, `<name>-timers`, and their changelogs; a repartition topic, if the key
   * was replaced above. Without stores and `onTimer`: nothing.
   * **Throws** `MR_NAME_INVALID`, `MR_CONFIG`, and as `groupByKey`; at start `MR_NAME_AMBIGUOUS` when two have one name.
   * **Source** KStream.process, Processor API.
   *
   * @example
   * clicks.process({
   *   name: 'sums',
   *   stores: { sum: { value: codec.number } },
   *   emits: codec.number,
   *   onRecord(click, { key }, context) {
   *     const sum = context.store('sum')
   *     sum.set(key, (sum.get(key) ?? 0) + click.weight)
   *     context.setTimer(context.streamTime + 60_000)
   *   },
   *   onTimer: (key, _timer, context) => context.emit(context.store('sum').get(key) ?? 0),
   * })
   * @since 0.1.0
   */
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no stores at all: a name is refused
  process<W = never, S extends Stores = {}>(processor: Processor<K, V, W, S>): KStream<K, W>

  /* ------------------------------------------------------------------- shape */

  /**
   * This stream and others as one. Records of one partition keep their order; among the inputs of a task the oldest goes first.
   * **Emits** every record of each, as it is.
   * **Throws** where the result is grouped or joined by key, `MR_KEY_CODEC` when the inputs have different key codecs; at start
   * `MR_CO_PARTITIONING` when they have different partition counts.
   * **Source** KStream.merge.
   * @since 0.1.0
   */
  mergeWith<J, W>(...others: readonly KStream<J, W>[]): KStream<K | J, V | W>

  /**
   * Branches by name: the first whose test holds takes the record, `rest` takes what is left.
   * **Emits** each record on one of the streams, as it is.
   * **Throws** `MR_CONFIG` when a branch is called `rest`, `MR_NAME_INVALID` when its name could not be part of a topic's.
   * **Source** KStream.split, Branched.
   *
   * @example
   * const { hot, cold, rest } = readings.split({ hot: (r) => r.celsius > 90, cold: (r) => r.celsius < -30 })
   * @since 0.1.0
   */
  split<N extends string>(branches: Readonly<Record<N, Fn<K, V, boolean>>>): { readonly [P in N | 'rest']: KStream<K, V> }

  /**
   * Sends the records through a topic of the app's own, by key: to spread work over more partitions, or to line up with
   * another topic before a join. Records without a key are spread evenly.
   *
   * - `partitions`: default as many as what it is joined with, else as the largest source above
   * - `name`: default that of the `keyBy` above, else the stem
   *
   * **Emits** the record; its topic, partition and offset are those of the repartition topic.
   * **Owns** topic `<app>-<name>-repartition`, purged below the committed offset.
   * **Throws** `MR_ENCODE` when the source gave decoders only, `MR_CONFIG` for `partitions` that is not a whole number above 0,
   * `MR_KEY_CODEC` behind a merge of different key codecs.
   * **Source** KStream.repartition (KIP-221).
   * @since 0.1.0
   */
  repartition(options?: { partitions?: number | undefined; name?: string | undefined }): KStream<K, V>

  /**
   * Writes a topic of yours and reads it back.
   * **Emits** the records as read: topic, partition and offset are those of the topic.
   * **Throws** at start `MR_TOPIC_MISSING`.
   * **Source** KStream.through, which Kafka gave up for repartition; useful where others read the topic too.
   * @since 0.1.0
   */
  through(topic: Topic<K, V>): KStream<K, V>

  /**
   * RxJS operators that stay inside: what they emit while a batch passes is part of that batch and of its commit. They must
   * keep the key and may not complete. One instance per task; what they hold is memory only, lost at a restart.
   * **Emits** what they emit.
   * **Throws** while running `MR_RX_COMPLETED`, `MR_RX_ERROR`.
   * **Source** RxJS pipe.
   *
   * @example
   * readings.rx(distinctUntilChanged((a, b) => a.value.celsius === b.value.celsius))
   * @since 0.1.0
   */
  rx<W>(a: OperatorFunction<KRecord<K, V>, KRecord<K, W>>): KStream<K, W>
  /** Two operators. */
  rx<A, W>(a: OperatorFunction<KRecord<K, V>, A>, b: OperatorFunction<A, KRecord<K, W>>): KStream<K, W>
  /** Three operators. More than that: give one function that pipes them. */
  rx<A, B, W>(a: OperatorFunction<KRecord<K, V>, A>, b: OperatorFunction<A, B>, c: OperatorFunction<B, KRecord<K, W>>): KStream<K, W>

  /** @deprecated RxJS's own: it subscribes at once, is not tracked, and resolves only when the app stops. Use `each`. */
  forEach(next: (record: KRecord<K, V>) => void): Promise<void>

  /* ------------------------------------------------------------------ by key */

  /**
   * The records of one key belong together from here on.
   * **Owns** a repartition topic, if the key was replaced above: see `keyBy`.
   * **Throws** `MR_KEY_NONE` for a topic read with `codec.none`, `MR_KEY_CODEC` behind a merge of different key codecs,
   * `MR_ENCODE` when the source gave decoders only.
   * **Source** KStream.groupByKey.
   * @since 0.1.0
   */
  groupByKey(): KGroup<K, V>

  /**
   * `keyBy`, then `groupByKey`.
   * **Owns** topic `<app>-<stem>-grouped-repartition`, or `<app>-<name>-repartition`.
   * **Throws** at start `MR_NAME_AMBIGUOUS`: lambdas have no names, so of two `groupBy` on one source the newer needs a `name`.
   * **Source** KStream.groupBy.
   *
   * @example
   * orders.groupBy((order) => order.user, codec.string).count()
   * @since 0.1.0
   */
  groupBy<J>(f: Fn<K, V, J>, key: Codec<J>, options?: { name?: string | undefined }): KGroup<J, V>

  /**
   * Pairs each record with those of another stream that have its key and lie within a time of it, whichever comes first. Records
   * are never late for it: one that is out of order meets what is still kept.
   *
   * - `within`: how far the right record may be from the left one, in event time; both ends belong to it
   * - `grace`: how much longer records are kept for others that come out of order. Default 0
   *
   * A record is kept while its time + before + after + grace is above the largest time of its own side, per partition.
   * **Emits** one record per pair, in order of the time of what was found, with the larger of the two timestamps and the headers
   * of the record that came last. Null keys and null values are dropped, and counted.
   * **Owns** stores `<left>-<right>-joined-left` and `-right`, or `<name>-left` and `-right`, and their changelogs; a repartition
   * topic for each side whose key was replaced above.
   * **Throws** `MR_KEY_CODEC` when the sides have different key codecs, `MR_KEY_NONE`, `MR_DURATION` for a negative window,
   * `MR_CONFIG` without one, `MR_ENCODE` when a source gave decoders only; at start `MR_CO_PARTITIONING`, `MR_NAME_AMBIGUOUS`.
   * **Source** KStream.join(KStream, JoinWindows).
   *
   * @example
   * clicks.join(views, { within: '10m', grace: '1m' }, (click, view) => ({ page: view.page, at: click.at }))
   * @since 0.1.0
   */
  join<W, R>(right: KStream<K, W>, within: JoinWindow, f: (left: V, right: W, meta: Meta<K>) => R): KStream<K, R>
  /**
   * Looks up the row of a table for each record, by the record's key, or of a global table by a key chosen per record. Only
   * the stream triggers; a change of the table shows in the records that come later. A versioned table (`history`) is looked up
   * as of the record's time.
   *
   * - `grace`: holds records until stream time, that of this stream alone, is so far past them; then they are joined in order of
   *   (time, key, arrival), so that changes of the table that come late are seen. One that is later than that is joined at once.
   *
   * **Emits** one record where there is a row, with the stream record's key, timestamp and headers. Null keys and null values
   * are dropped, and counted.
   * **Owns** a repartition topic, if the key was replaced above. A global table needs none. With `grace` a store
   * `<stream>-<table>-held` unless named, and its changelog.
   * **Throws** `MR_KEY_CODEC`, `MR_KEY_NONE`; at start `MR_CO_PARTITIONING`. `MR_CONFIG` when the table belongs to another app, or
   * when there is `grace` and the table is not versioned, or for less.
   * **Source** KStream.join(KTable), KStream.join(GlobalKTable), Joined.withGracePeriod (KIP-923).
   *
   * @example
   * orders.keyBy((order) => order.user, codec.string).join(app.table(users), (order, user) => ({ ...order, tier: user.tier }))
   * @since 0.1.0
   */
  join<W, R>(right: KTable<K, W>, f: (left: V, right: W, meta: Meta<K>) => R, options?: TableJoinOptions): KStream<K, R>
  /** With a global table: `on` selects its key; null selects no row. */
  join<J, W, R>(right: GlobalTable<J, W>, on: Fn<K, V, J | null>, f: (left: V, right: W, meta: Meta<K>) => R): KStream<K, R>

  /**
   * As `join`, but no record of this side is lost for want of another.
   * **Emits** as `join`, and each left record that met nothing once, with `none`, its own timestamp and headers: when stream
   * time, one over both sides, is past its time + after + grace, with the first record of the partition that brings it there.
   * Such records come in order of (time, key). A record with a null key leaves at once, with `none`; on the right it is dropped.
   * When `f` throws for a record that waited, the policy has that record, not the one whose coming let it go.
   * **Owns**, **Throws** as `join`.
   * **Source** KStream.leftJoin(KStream, JoinWindows), emitting late as since KIP-633.
   *
   * @example
   * orders.leftJoin(payments, { within: '1h', grace: '1m' }, (order, payment) => ({ id: order.id, isPaid: O.isSome(payment) }))
   * @since 0.1.0
   */
  leftJoin<W, R>(right: KStream<K, W>, within: JoinWindow, f: (left: V, right: Option<W>, meta: Meta<K>) => R): KStream<K, R>
  /**
   * As `join`, but no record is lost for want of a row.
   * **Emits** one record for each whose value is not null: with `none` where there is no row, also for a null key.
   * **Owns**, **Throws** as `join`.
   * **Source** KStream.leftJoin (KIP-962 for null keys).
   * @since 0.1.0
   */
  leftJoin<W, R>(right: KTable<K, W>, f: (left: V, right: Option<W>, meta: Meta<K>) => R, options?: TableJoinOptions): KStream<K, R>
  /** With a global table: `on` selects its key; null selects no row. */
  leftJoin<J, W, R>(right: GlobalTable<J, W>, on: Fn<K, V, J | null>, f: (left: V, right: Option<W>, meta: Meta<K>) => R): KStream<K, R>

  /**
   * As `leftJoin`, but no record of either side is lost for want of another.
   * **Emits** as `join` with both sides, and each record that met nothing once, alone: a right one when stream time is past its
   * time + before + grace. Of one time the right ones come first. A record with a null key leaves at once.
   * **Owns**, **Throws** as `join`.
   * **Source** KStream.outerJoin(KStream, JoinWindows).
   *
   * @example
   * ours.outerJoin(theirs, { within: '5m', name: 'reconcile' }, Th.match((a) => ({ a }), (b) => ({ b }), (a, b) => ({ a, b })))
   * @since 0.1.0
   */
  outerJoin<W, R>(right: KStream<K, W>, within: JoinWindow, f: (sides: These<V, W>, meta: Meta<K>) => R): KStream<K, R>

  /* -------------------------------------------------------------------- ends */

  /**
   * Writes a topic, or one chosen for each record; the offset waits for the acknowledgement. A chosen topic must exist.
   * A record that cannot be encoded or is refused is a failure at stage `produce`. Where one stream is written to a topic several
   * times, all that comes of one record is written before what comes of the next.
   * **Throws** at start `MR_TOPIC_MISSING` unless the descriptor declares `partitions`, `MR_TOPIC_PARTITIONS`.
   * **Source** KStream.to.
   *
   * @example
   * orders.toTopic((order) => (order.amount > 100 ? large : small))
   * @since 0.1.0
   */
  toTopic(sink: TopicSink<K, V> | Fn<K, V, TopicSink<K, V>>): Pipeline

  /**
   * The newest value of each key as a table; a null value deletes, a null key is dropped and counted.
   * **Owns** a store, `<stem>-table` unless named, and its changelog `<app>-<store>-changelog`; a repartition topic, if the key
   * was replaced above.
   * **Throws** as `groupByKey`.
   * **Source** KStream.toTable (KIP-523).
   * @since 0.1.0
   */
  toTable(store?: StoreOptions<NonNullable<V>>): KTable<K, NonNullable<V>>

  /**
   * Writes batches to anything that can take them, one batch at a time; the offsets wait for the promise. Seen at least once:
   * what was written before a crash may be written again.
   * **Throws** `MR_DURATION` for an odd `within`.
   * @since 0.1.0
   */
  toSink(sink: BatchSink<K, V>): Pipeline

  /**
   * Does something with each record, one after the other; the offset waits for the promise. Seen at least once. A throw or a
   * rejection is a failure at stage `sink`.
   * **Source** KStream.foreach; RxJS concatMap.
   * @since 0.1.0
   */
  each(f: Fn<K, V, void | Promise<void>>): Pipeline
}

/**
 * Which records of two streams belong together, in event time.
 * @since 0.1.0
 */
export interface JoinWindow {
  /** How far the right record may be from the left one, to either side, or `{ before, after }` of it. Both ends belong to it. */
  within: Duration | { before: Duration; after: Duration }
  /** How long records that come out of order are waited for. Default 0. */
  grace?: Duration | undefined
  /**
   * After this long without input, at the end of all partitions of the task, the wall clock moves stream time on, that of both
   * sides, so that what has met nothing leaves a quiet topic; what comes afterwards and is older finds only what is still kept.
   * An unmatched record that its function throws for is put to the policy, and tried again when the clock next comes by.
   * Default: never.
   */
  closeAfterIdle?: Duration | undefined
  /** Of the stores and of what is derived from the result. Default: the stems of both sides. */
  name?: string | undefined
}

/**
 * How a stream is joined with a table.
 * @since 0.1.0
 */
export interface TableJoinOptions {
  /** Hold stream records this long in event time so that the table is as of their timestamp. Needs a versioned table. Default 0. */
  grace?: Duration | undefined
  /** Of the store of held records; without grace there is none (`MR_CONFIG`). Default: `<stream>-<table>-held`. */
  name?: string | undefined
}

/* -------------------------------------------------------- groups and tables */

/**
 * Where the rows of a table are kept.
 * @since 0.1.0
 */
export interface StoreOptions<A> {
  /** The name of the store and of its changelog. Default: derived from topic and verbs, never from a counter. */
  name?: string | undefined
  /** How rows are written. Default: the codec of the values where they are unchanged, else JSON. */
  value?: Codec<A> | undefined
  /** 'lmdb' (default): on disk. 'memory': in this process. Both are recovered from the changelog. */
  store?: 'lmdb' | 'memory' | undefined
  /**
   * Entries not written for this long are deleted, with a tombstone in the changelog, and what follows sees the delete. Default: never.
   *
   * - An entry is as old as its timestamp; it is gone when that + ttl ≤ stream time, the largest event time that this node has seen,
   *   in this partition. Nothing goes while no records come; a restart, a move, or a lost disk change nothing.
   * - A record moves stream time first: a result that it finds too old starts over, replaced in one step. The others leave before
   *   the record's own result, in order of (timestamp, key), each with its timestamp + ttl. What is that old when it is to be written
   *   leaves no entry, and is counted as late.
   * - With one record 1,000 entries leave at most, the rest with those that follow; until then they can be looked up.
   * - In a processor an entry is as old as stream time was when it was set, and goes without a word; a timer sees those that were
   *   there at its own time.
   *
   * Costs about 100 bytes of memory and the key per entry, and reading the store when a task opens. A table of a compacted topic has
   * a changelog of its own then. `MR_CONFIG` for windows, whose rows go by themselves, for grouped tables (give it to the table
   * above) and with `history`; `MR_DURATION` unless whole ms above 0.
   */
  ttl?: Duration | undefined
}

/**
 * The stores of a processor, by the name it knows them by.
 * @since 0.1.0
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- variance position: stores of anything
export type Stores = Readonly<Record<string, StoreOptions<any>>>

/**
 * What `process` runs. Its calls are synchronous, and one at a time per partition.
 * @since 0.1.0
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no stores at all: a name is refused
export interface Processor<K, V, W, S extends Stores = {}> {
  /** Of the node, and the beginning of the names of its stores. */
  readonly name: string
  /** `{ deadline: { value: codec.number } }` makes `context.store('deadline')` a `KeyedState<K, number>`. Default codec: JSON. */
  readonly stores?: S | undefined
  /** The codec, and so the type, of what it emits. Default: JSON. */
  readonly emits?: Codec<W> | undefined
  /** Called with each record. */
  onRecord(value: V, meta: Meta<K>, context: ProcessorContext<K, W, S>): void
  /** Called when a timer is due: event timers when stream time reaches `at`, wall timers by the clock. In order of (at, key, name). */
  onTimer?(
    key: K,
    timer: { readonly name: string; readonly at: number; readonly clock: 'event' | 'wall' },
    context: ProcessorContext<K, W, S>,
  ): void
}

/**
 * What a processor works with. Good during the call it was given to: `MR_CONFIG` afterwards.
 * @since 0.1.0
 */
export interface ProcessorContext<K, W, S extends Stores> {
  /** One of the stores that were declared. */
  store<N extends keyof S>(name: N): KeyedState<K, S[N] extends StoreOptions<infer A> ? A : never>
  /**
   * With the key of the record or timer; timestamp (ms since the epoch) and headers default to the record's, or to the timer's
   * time and none. `MR_TIMESTAMP` for an odd time.
   */
  emit(value: W, options?: { timestamp?: number | undefined; headers?: KHeadersInit | undefined }): void
  /**
   * Durable: survives a restart. One timer per key, name and clock: setting it again replaces it. Default name 'timer', clock
   * 'event'. `at` in ms since the epoch; one that is due already fires after this call. `MR_CONFIG` without an `onTimer`;
   * `MR_TIMER_LOOP` when a timer sets itself no later than it was, or when timers that are due have set one another 100,000 times.
   */
  setTimer(at: number, options?: { name?: string | undefined; clock?: 'event' | 'wall' | undefined }): void
  /** Of the same key; nothing if there is none. */
  cancelTimer(options?: { name?: string | undefined; clock?: 'event' | 'wall' | undefined }): void
  /** The largest event time so far, ms since the epoch. */
  readonly streamTime: number
  /** Wall time, ms since the epoch. */
  readonly now: number
}

/**
 * A store of a processor: any key may be read and written, but those of other partitions are elsewhere. Values are not to be
 * changed in place.
 * @since 0.1.0
 */
export interface KeyedState<K, A> {
  /** Undefined: there is none. */
  get(key: K): A | undefined
  /** Written with the next commit, and taken back when the call throws. */
  set(key: K, value: A): void
  /** Of a key that is not there: nothing. */
  delete(key: K): void
  /** In order of the encoded keys, `from` inclusive, `to` exclusive. Costs time for all that is not committed: not for every record. */
  entries(range?: { from?: K | undefined; to?: K | undefined }): Iterable<readonly [K, A]>
}

/**
 * Records by key, ready to be folded into a table. Null keys and null values are dropped, and counted.
 *
 * **Source** KGroupedStream.
 * @since 0.1.0
 */
export interface KGroup<out K, out V> {
  /**
   * Several groups of one key, folded into one table: each adds its values in its own way.
   * **Source** KGroupedStream.cogroup (KIP-150).
   *
   * @example
   * carts.groupByKey().cogroup((total: number, cart) => total + cart.sum).with(refunds.groupByKey(), (total, refund) => total - refund.sum).aggregate(0)
   * @since 0.1.0
   */
  cogroup<A>(add: (acc: A, value: V, meta: Meta<K>) => A): KCogroup<K, A>

  /**
   * Folds the records of each window of a key: `tumbling`, `hopping`, `sliding`, `calendar`. A record counts into each of its windows
   * that is not closed; when none is left it is dropped as late, counted, and written to `late` if that is given.
   * **Source** KGroupedStream.windowedBy.
   *
   * @example
   * orders.groupByKey().window(tumbling('5m', { grace: '30s', emit: 'final' }), { late }).count()
   * @since 0.1.0
   */
  window(by: FixedWindows, options?: { readonly late?: TopicSink<K, V> | undefined }): KWindowed<K, V>
  /** Folds the records of each `session`; sessions that a record joins become one. */
  window(by: SessionWindows, options?: { readonly late?: TopicSink<K, V> | undefined }): KSession<K, V>

  /**
   * How many records a key has had.
   * **Emits** every update, with the largest timestamp of what was counted.
   * **Owns** a store, `<stem>-count` unless named, and its changelog `<app>-<store>-changelog`.
   * **Source** KGroupedStream.count.
   * @since 0.1.0
   */
  count(store?: StoreOptions<number>): KTable<K, number>

  /**
   * The values of a key, joined two at a time; the first is where it starts.
   * **Emits**, **Owns** as `count`; the store is `<stem>-reduced`.
   * **Source** KGroupedStream.reduce.
   * @since 0.1.0
   */
  reduce(f: (a: V, b: V) => V, store?: StoreOptions<V>): KTable<K, V>

  /**
   * The values of a key, folded by an aggregator: one of `agg`, or any `{ empty, add }`.
   * **Emits**, **Owns** as `count`; the store is `<stem>-aggregated`.
   * **Source** KGroupedStream.aggregate.
   *
   * @example
   * byUser.aggregate(agg.struct({ orders: agg.count, spend: agg.sum((order: Order) => order.amount) }), { name: 'spend' })
   * @since 0.1.0
   */
  aggregate<A>(by: Aggregator<K, V, A>, store?: StoreOptions<A>): KTable<K, A>
}

/**
 * The records of a key in windows. A result has the window in its key and the largest timestamp of what was folded; the row of a
 * closed window can be read for at least another size and grace of stream time.
 *
 * **Source** TimeWindowedKStream.
 * @since 0.1.0
 */
export interface KWindowed<out K, out V> {
  /**
   * How many records a window has had.
   * **Emits** as the `emit` option of the window says.
   * **Owns** a store, `<stem>-windowed-count` unless named, and its changelog.
   * **Throws** (the record's failure) `MR_WINDOWS_FULL` when it needs more windows than `maxOpen`.
   * **Source** TimeWindowedKStream.count.
   * @since 0.1.0
   */
  count(store?: StoreOptions<number>): KTable<Windowed<K>, number>

  /**
   * The values of a window, joined two at a time; the first is where it starts.
   * **Emits**, **Owns** as `count`; the store is `<stem>-windowed-reduced`.
   * **Source** TimeWindowedKStream.reduce.
   * @since 0.1.0
   */
  reduce(f: (a: V, b: V) => V, store?: StoreOptions<V>): KTable<Windowed<K>, V>

  /**
   * The values of a window, folded by an aggregator: one of `agg`, or any `{ empty, add }`.
   * **Emits**, **Owns** as `count`; the store is `<stem>-windowed-aggregated`. Sliding windows keep the values of the last size and
   * grace beside it, in `<store>-records`; `emit: { every }` what was told last, in `<store>-held`.
   * **Source** TimeWindowedKStream.aggregate.
   * @since 0.1.0
   */
  aggregate<A>(by: Aggregator<K, V, A>, store?: StoreOptions<A>): KTable<Windowed<K>, A>
}

/**
 * The records of a key in sessions. A record that lies within the gap of several joins them: each that was told of is deleted,
 * unless its bounds are those of the new one, then the new one is emitted.
 *
 * **Source** SessionWindowedKStream.
 * @since 0.1.0
 */
export interface KSession<out K, out V> {
  /** As `KWindowed.count`. */
  count(store?: StoreOptions<number>): KTable<Windowed<K>, number>
  /** As `KWindowed.reduce`; sessions that become one are joined by `f`, the earlier first. */
  reduce(f: (a: V, b: V) => V, store?: StoreOptions<V>): KTable<Windowed<K>, V>
  /** As `KWindowed.aggregate`; sessions that become one are joined by `merge`, the earlier first. */
  aggregate<A>(by: Mergeable<K, V, A>, store?: StoreOptions<A>): KTable<Windowed<K>, A>
}

/**
 * Rows of a table under another key, ready to be folded: by something that can take values out again.
 *
 * **Source** KGroupedTable.
 * @since 0.1.0
 */
export interface KTableGroup<out K, out V> {
  /**
   * How many rows a key has; a key that has lost all of them keeps its row, with 0.
   * **Owns** a store, `<table>-grouped-count` unless named, and its changelog.
   * **Source** KGroupedTable.count.
   * @since 0.1.0
   */
  count(store?: StoreOptions<number>): KTable<K, number>
  /**
   * The rows of a key, folded: the old value of a row is removed before the new one is added.
   * **Owns** a store, `<table>-grouped-aggregated` unless named, and its changelog.
   * **Source** KGroupedTable.aggregate.
   * @since 0.1.0
   */
  aggregate<A>(by: Reversible<K, V, A>, store?: StoreOptions<A>): KTable<K, A>
}

/**
 * Groups of one key that fold into one table.
 *
 * **Source** CogroupedKStream.
 * @since 0.1.0
 */
export interface KCogroup<out K, A> {
  /**
   * One group more, with its own way to add. The keys of all must be written alike (`MR_KEY_CODEC`), and lie alike
   * (`MR_CO_PARTITIONING`).
   * @since 0.1.0
   */
  with<V>(group: KGroup<K, V>, add: (acc: A, value: V, meta: Meta<K>) => A): KCogroup<K, A>
  /**
   * In windows, with one stream time for all groups.
   * @since 0.1.0
   */
  window(
    by: FixedWindows,
    options?: { readonly late?: TopicSink<K, unknown> | undefined },
  ): {
    /** Owns a store, `<stem>-cogrouped` unless named. */
    aggregate(empty: A, store?: StoreOptions<A>): KTable<Windowed<K>, A>
  }
  /** In sessions; `merge` joins those that become one, the earlier first. */
  window(
    by: SessionWindows,
    options?: { readonly late?: TopicSink<K, unknown> | undefined },
  ): {
    /** Owns a store, `<stem>-cogrouped` unless named. */
    aggregate(empty: A, merge: (a: A, b: A) => A, store?: StoreOptions<A>): KTable<Windowed<K>, A>
  }
  /**
   * Where a key starts is `empty`.
   * **Owns** a store, `<stem>-cogrouped` unless named, and its changelog.
   * @since 0.1.0
   */
  aggregate(empty: A, store?: StoreOptions<A>): KTable<K, A>
}

/**
 * Keyed state in LMDB, backed by a changelog topic, readable while it runs. Its name is that of its store.
 *
 * A table that was made by `filter` or `map` without options has no store: it is computed from the table above, also when it
 * is read. The `Meta` a lambda of a table gets has key and timestamp of the row; there is no topic, offset or header to tell.
 *
 * **Source** KTable.
 * @since 0.1.0
 */
export interface KTable<out K, out V> {
  readonly name: string

  /**
   * Keeps the rows that pass.
   * **Emits** the rows that pass, and a delete for one that no longer does.
   * **Owns** a store, `<table>-filtered` unless named, and its changelog, if options are given; otherwise nothing.
   * **Source** KTable.filter.
   * @since 0.1.0
   */
  filter(keep: Fn<K, V, boolean>, store?: StoreOptions<V>): KTable<K, V>

  /**
   * Another value for each row. `f` is called again whenever the row is read, so it must be pure.
   * **Emits** a row for a row, a delete for a delete.
   * **Owns** a store, `<table>-mapped` unless named, and its changelog, if options are given; otherwise nothing.
   * **Source** KTable.mapValues.
   * @since 0.1.0
   */
  map<W>(f: Fn<K, V, W>, store?: StoreOptions<W>): KTable<K, W>

  /**
   * Another key and value for each row, to be folded by key: a change takes the old value out at the old key and adds the new one at
   * the new key. A null pair, key or value skips its half.
   * **Owns** the internal topic `<app>-<table>-grouped-repartition`, or `<app>-<name>-repartition`.
   * **Source** KTable.groupBy.
   *
   * @example
   * employees.groupBy((e) => [e.dept, e.salary], codec.string, codec.number).aggregate(agg.sum((salary: number) => salary))
   * @since 0.1.0
   */
  groupBy<J, W>(
    f: Fn<K, V, readonly [J, W] | null>,
    key: Codec<J>,
    value: Codec<W>,
    options?: { name?: string | undefined },
  ): KTableGroup<J, W>

  /**
   * The rows of both tables of a key, when both have one; a change of either side recomputes the result. `f` must be pure.
   * **Emits** a row, with the larger of the two timestamps; a delete when there was one and is none.
   * **Owns** a store, `<left>-<right>-joined` unless named, and its changelog, if options are given, or if one change can reach the
   * join by two ways; otherwise nothing.
   * **Throws** `MR_KEY_CODEC` when the keys are written differently; at the start `MR_CO_PARTITIONING`.
   * **Source** KTable.join.
   *
   * @example
   * users.join(addresses, (user, address) => ({ ...user, city: address.city }))
   * @since 0.1.0
   */
  join<W, R>(right: KTable<K, W>, f: (left: V, right: W) => R, store?: StoreOptions<R>): KTable<K, R>
  /** As `join`, for every row of this table; the other may be `none`. **Source** KTable.leftJoin. */
  leftJoin<W, R>(right: KTable<K, W>, f: (left: V, right: Option<W>) => R, store?: StoreOptions<R>): KTable<K, R>
  /** As `join`, for every row of either table. **Source** KTable.outerJoin, with a `These` of fp-ts. */
  outerJoin<W, R>(right: KTable<K, W>, f: (sides: These<V, W>) => R, store?: StoreOptions<R>): KTable<K, R>

  /**
   * Joins each row with the row of another table whose key `on` reads from it; a change of either side recomputes the result. A
   * foreign key of null, or one without a row, gives no result. `on` and `f` must be pure. The tables may have different keys and
   * different numbers of partitions.
   * **Emits** a row; of a left change with the larger of the two timestamps, of a right change with the right record's; a delete
   * when there was a row and is none.
   * **Owns** a store, `<left>-<right>-joined-on` unless named, one of subscriptions, their changelogs, and the internal topics
   * `<app>-<store>-asked-repartition` and `-answered-repartition`.
   * **Source** KTable.join with a foreign key (KIP-213).
   *
   * @example
   * employees.joinOn(departments, (e) => e.dept, (e, dept) => ({ name: e.name, dept: dept.title }))
   * @since 0.1.0
   */
  joinOn<J, W, R>(right: KTable<J, W>, on: Fn<K, V, J | null>, f: (left: V, right: W) => R, store?: StoreOptions<R>): KTable<K, R>
  /** As `joinOn`, for every row of this table; the other is `none` where the foreign key is null or has no row. **Source** KTable.leftJoin. */
  leftJoinOn<J, W, R>(
    right: KTable<J, W>,
    on: Fn<K, V, J | null>,
    f: (left: V, right: Option<W>) => R,
    store?: StoreOptions<R>,
  ): KTable<K, R>

  /**
   * Holds updates back: a key waits from its first update on for `within` of stream time, then its newest row, or delete, goes on.
   * What follows, a join or a query too, sees only what was let out. More than `maxKeys` (default: no limit) after
   * what is due has left: the oldest leave now (`'emit'`, default), or the record fails with `MR_SUPPRESS_FULL` (`'fail'`).
   * **Emits** in order of (first time, key), each with the timestamp of its own record.
   * **Owns** the stores `<table>-suppressed` and `<table>-suppressed-held`, or `<name>` and `<name>-held`, and their changelogs.
   * **Source** KTable.suppress with `Suppressed.untilTimeLimit` (KIP-328).
   *
   * @example
   * prices.suppress({ within: '1m', maxKeys: 10_000 }).toTopic(calmPrices)
   * @since 0.1.0
   */
  suppress(options: {
    /** Stream time. */
    readonly within: Duration
    /** Keys held at most, per task. */
    readonly maxKeys?: number | undefined
    /** Default 'emit'. */
    readonly whenFull?: 'emit' | 'fail' | undefined
    readonly name?: string | undefined
  }): KTable<K, V>

  /**
   * The changes of the table as records.
   * **Emits** each new row, `null` for a delete.
   * **Source** KTable.toStream.
   * @since 0.1.0
   */
  toStream(): KStream<K, V | null>

  /**
   * The changes of the table, with what was there before.
   * **Emits** both sides; `none` where there was, or is, no row.
   * @since 0.1.0
   */
  changes(): KStream<K, Change<V>>

  /**
   * Writes the changes to a topic: a row as its value, a delete as a tombstone.
   * **Throws** as `KStream.toTopic`.
   * **Source** KTable.toStream().to.
   * @since 0.1.0
   */
  toTopic(sink: TopicSink<K, V>): Pipeline

  /**
   * The committed row of a key.
   * **Throws** (rejects) `MR_APP_NOT_STARTED`; `MR_STORE_NOT_HERE` when another instance has the key, or it is being restored: retriable.
   * **Source** interactive queries (KIP-67).
   * @since 0.1.0
   */
  get(key: K): Promise<Option<V>>

  /**
   * The committed rows of all partitions of this instance, in order of the encoded keys.
   *
   * - `from` inclusive, `to` exclusive; compared by their bytes
   * - `prefix`: only keys whose bytes begin with its bytes
   * - `limit`: rows at most; default all
   * - `reverse`: from the last to the first; default false
   *
   * **Throws** (rejects) `MR_APP_NOT_STARTED`, `MR_STORE_NOT_HERE`, `MR_CONFIG` for a `limit` that is not a whole number ≥ 0.
   *
   * @example
   * for await (const [word, count] of words.entries({ prefix: 'wh', limit: 10 })) console.log(word, count)
   * @since 0.1.0
   */
  entries(range?: {
    from?: K | undefined
    to?: K | undefined
    prefix?: K | undefined
    limit?: number | undefined
    reverse?: boolean | undefined
  }): AsyncIterable<readonly [K, V]>

  /**
   * The committed windows of one key, by start; `from` inclusive, `to` exclusive, ms since the epoch.
   * **Throws** as `get`; `MR_CONFIG` for a table without windows.
   * **Source** ReadOnlyWindowStore.fetch.
   *
   * @example
   * for await (const [{ start }, count] of perMinute.windowsOf('ada', { from: Date.now() - 3_600_000 })) console.log(start, count)
   * @since 0.1.0
   */
  windowsOf<J>(
    this: KTable<Windowed<J>, V>,
    key: J,
    range?: { from?: number | undefined; to?: number | undefined },
  ): AsyncIterable<readonly [Windowed<J>, V]>
}

/**
 * A topic of which every instance holds all; joined by any key, without repartitioning. Read to its end before the app runs.
 *
 * **Source** GlobalKTable.
 * @since 0.1.0
 */
export interface GlobalTable<out K, out V> {
  readonly name: string
  /**
   * The row of a key.
   * **Throws** (rejects) `MR_APP_NOT_STARTED`.
   * @since 0.1.0
   */
  get(key: K): Promise<Option<V>>
  /**
   * The rows in order of the encoded keys, `from` inclusive, `to` exclusive, at most `limit`.
   * **Throws** (rejects) `MR_APP_NOT_STARTED`, `MR_CONFIG`.
   * @since 0.1.0
   */
  entries(range?: { from?: K | undefined; to?: K | undefined; limit?: number | undefined }): AsyncIterable<readonly [K, V]>
}

/* -------------------------------------------------------------------- app */

/**
 * A pipeline that has an end. It needs no handling: the app runs it.
 * @since 0.1.0
 */
export interface Pipeline {
  readonly _tag: 'Pipeline'
  readonly name: string
}

/**
 * Where the app tells what it does; pino and console fit.
 * @since 0.1.0
 */
export interface Logger {
  /** Details of what goes well. */
  debug(o: object, message?: string): void
  /** What changes. */
  info(o: object, message?: string): void
  /** What is dealt with, and should be known. */
  warn(o: object, message?: string): void
  /** What ends the app, or loses somebody something. */
  error(o: object, message?: string): void
}

/**
 * What `createApp` takes.
 * @since 0.1.0
 */
export interface AppConfig {
  /** Consumer group, and prefix of every internal topic and of the state folder. */
  id: string
  /** Kafka, as `host:port`. Left out: the embedded log, in this process. */
  brokers?: readonly string[] | undefined
  /** Anything else kafkajs takes: ssl, sasl, clientId, ... */
  kafka?: Readonly<Record<string, unknown>> | undefined
  /**
   * `'at-least-once'` (default): a crash loses nothing; outputs may repeat. `'exactly-once'`: outputs, state and offsets of a
   * commit become visible together or not at all, also with a zombie about; whoever reads the outputs must be read-committed
   * (Kafka's `isolation.level`), and sees them after the commit. What leaves by `each`, `toSink`, `mapAsync`, `subscribe`,
   * `send` or `sink` is in no transaction. **Source** Kafka Streams' `processing.guarantee`, KIP-98, KIP-447.
   */
  delivery?: 'at-least-once' | 'exactly-once' | undefined
  /** How often state and offsets are committed. Default '1s'; '100ms' when exactly-once. */
  commitEvery?: Duration | undefined
  /** State in `<stateDir>/<id>/`; the embedded log, shared by the apps of a process, in `<stateDir>/log`. Default './.millrace'. ':memory:' keeps nothing. */
  stateDir?: string | ':memory:' | undefined
  /** Group, fetch and transaction settings. Defaults are right for most. */
  tuning?: Tuning | undefined
  /** What happens to a record that cannot be taken. Default `policy.fail`. */
  onError?: ErrorPolicy | undefined
  /** Default: warnings and errors, a line each, on stderr. */
  logger?: Logger | undefined
}

/**
 * Group, fetch and commit settings.
 * @since 0.1.0
 */
export interface Tuning {
  /** A member that has not answered for this long is taken for dead. Default '45s'. */
  sessionTimeout?: Duration | undefined
  /** Default '3s'. */
  heartbeatEvery?: Duration | undefined
  /** How long a rebalance waits for members to drain and commit. Default '60s'. */
  rebalanceTimeout?: Duration | undefined
  /** Longest wait of a fetch for data. Default '500ms'. */
  fetchWait?: Duration | undefined
  /** Per partition and fetch, in bytes. Default 1 MiB. */
  fetchBytes?: number | undefined
  /**
   * Fetched and not yet worked on, over all partitions of this instance, in bytes as they are in the log. Default 64 MiB. However many
   * partitions there are, a slow one takes at most its part, and the others are read on.
   */
  bufferBytes?: number | undefined
  /**
   * How what the app writes is compressed: outputs, repartition topics, changelogs. `'none'` (default), `'gzip'`, `'snappy'`, `'lz4'` or
   * `'zstd'`. What is read may be compressed in any of these ways. A batch that would not become smaller stays as it is. It concerns
   * Kafka; the embedded log keeps batches as they are. Where the codec cannot be loaded, `start` throws `MR_COMPRESSION`.
   * **Source** Kafka's `compression.type` of a producer.
   */
  compression?: Compression | undefined
  /**
   * After that the broker aborts the transaction of a process that is gone; until then its partitions, and readers of its outputs,
   * wait. Default '10s'. Kafka's `transaction.timeout.ms`; at most the broker's `transaction.max.timeout.ms`.
   */
  transactionTimeout?: Duration | undefined
  /** Cap on uncommitted state per task, in bytes; reaching it commits. Default 16 MiB. */
  dirtyBytes?: number | undefined
}

/**
 * What `state$` shows. Once `stopped` or `failed`, an app stays so.
 * @since 0.1.0
 */
export type AppState = 'idle' | 'starting' | 'rebalancing' | 'restoring' | 'running' | 'stopping' | 'stopped' | 'failed'

/**
 * A record to be written by `App.sink`: no position yet. `timestamp` in ms since the epoch, default now.
 * @since 0.1.0
 */
export interface NewRecord<out K, out V> {
  readonly key: K
  readonly value: V
  readonly headers?: KHeadersInit
  readonly timestamp?: number
}

/**
 * A topology and its life: declare with the first verbs, then `start`. It runs once; make a new one to run again.
 *
 * **Source** StreamsBuilder and KafkaStreams.
 * @since 0.1.0
 */
export interface App extends AsyncDisposable {
  readonly id: string

  /**
   * Records of a topic, or of several as one stream.
   * **Throws** `MR_SOURCE_OPTIONS` when the topic is used with other options or codecs elsewhere in the app; at start
   * `MR_TOPIC_MISSING`, `MR_TOPIC_PARTITIONS`.
   * **Source** StreamsBuilder.stream.
   * @since 0.1.0
   */
  stream<K, V>(source: TopicSource<K, V> | readonly TopicSource<K, V>[], options?: StreamOptions): KStream<K, V>

  /**
   * A topic as a table: the newest value of each key; null values delete, null keys are dropped and counted.
   * **Owns** a store named after the topic unless named, and a changelog unless the topic is compacted: then the store is
   * restored from the topic itself. (It has a changelog all the same when `value` or the topic's `timestamp` make rows
   * differ from what lies in the topic.)
   *
   * - `history`: makes the table versioned: for so long, in the event time of the table, it is known what a row was. A stream joined
   *   with it finds the row as of its own time, in a time before the history none but the newest. A change older than the history
   *   is dropped and counted; one older than the newest of its key is remembered and goes no further. It always has a changelog.
   *
   * **Throws** `MR_KEY_NONE`, `MR_SOURCE_OPTIONS`, `MR_DURATION` for an odd `history`; at start as `stream`.
   * **Source** StreamsBuilder.table; versioned: KIP-889, KIP-914.
   * @since 0.1.0
   */
  table<K, V>(
    source: Topic<K, V>,
    store?: StoreOptions<V> & { history?: Duration | undefined; onError?: ErrorPolicy | undefined },
  ): KTable<K, V>

  /**
   * A topic as a table that every instance holds whole.
   * **Throws** `MR_KEY_NONE`, `MR_SOURCE_OPTIONS`; at start `MR_TOPIC_MISSING`.
   * **Source** StreamsBuilder.globalTable.
   * @since 0.1.0
   */
  globalTable<K, V>(source: Topic<K, V>): GlobalTable<K, V>

  /**
   * An Observer for the rest of an RxJS app. What fails to be written shows in `state$` and the log; an Observable has nobody to tell.
   *
   * @example
   * clicks$.subscribe(app.sink(clicks))
   * @since 0.1.0
   */
  sink<K, V>(topic: TopicSink<K, V>): Observer<NewRecord<K, V>>

  /**
   * Writes one record; resolves when it is acknowledged. `timestamp` in ms since the epoch, default now.
   * **Throws** (rejects) `MR_APP_NOT_STARTED`, `MR_APP_STOPPED`, `MR_TOPIC_MISSING`, the error that has failed the app, and what the codecs throw.
   * @since 0.1.0
   */
  send<K, V>(
    topic: TopicSink<K, V>,
    key: K,
    value: V,
    options?: { headers?: KHeadersInit | undefined; timestamp?: number | undefined },
  ): Promise<void>

  /**
   * What the app does, or will do when it is started now, with the names of all stores and internal topics.
   * **Throws** what the check of the plan throws: `MR_TOPOLOGY_EMPTY`, `MR_NAME_AMBIGUOUS`, ...
   * @since 0.1.0
   */
  describe(): Topology

  /** The state, and each change of it; the newest first. */
  readonly state$: Observable<AppState>
  /** Progress of stores that are being restored. */
  readonly restore$: Observable<RestoreProgress>

  /**
   * Freezes the topology, checks it, joins the group, restores, and resolves when every assigned partition runs. Called twice
   * it gives the same promise. The signal gives up waiting and stops the app.
   * **Throws** (rejects) with whatever keeps the app from running; `MR_APP_STOPPED` after `stop`.
   * @since 0.1.0
   */
  start(options?: { signal?: AbortSignal | undefined }): Promise<void>

  /**
   * Drains, commits, leaves the group. Idempotent. Resolves within `deadline` (default '30s'); what was not committed by then
   * is read again by the next start.
   * @since 0.1.0
   */
  stop(options?: { deadline?: Duration | undefined }): Promise<void>

  /** Stops taking records; keeps membership and state. */
  pause(): void
  /** Takes records again. */
  resume(): void

  /**
   * Resolves when every partition of this instance, sources and internal topics, was found read to its end and committed.
   * **Throws** (rejects) with the error that failed the app.
   * @since 0.1.0
   */
  settled(): Promise<void>

  /** Resolves when stopped; rejects with the error that failed the app, as do `start`, `settled` and `send`. */
  readonly done: Promise<void>
}

/**
 * How far a store has been restored from its changelog.
 * @since 0.1.0
 */
export interface RestoreProgress {
  /** `<sub-topology>-<partition>`. */
  readonly task: string
  readonly store: string
  readonly records: number
  readonly total: number
  readonly recordsPerSecond: number
  /** ms; null while nothing can be said. */
  readonly etaMs: number | null
}

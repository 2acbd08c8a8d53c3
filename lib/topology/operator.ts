import type { Observable } from 'rxjs'
import type { Clock } from '../core/clock.js'
import type { Codec } from '../core/codec.js'
import type { Rec } from '../core/record.js'

/**
 * What a verb is: an inert description that can be opened once per task, and the ports through which the opened verb sees
 * its task. It never sees a topic, an offset or a broker.
 */
export type Operator = PerRecord | Route | PerBatch

/** Records whose types the plan has erased; the DSL has checked them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- variance position: a Rec of anything
export type AnyRec = Rec<any, any>
export type Emit = (record: AnyRec) => void

/** One record in, any number out, at once. Consecutive ones are fused into one loop. A throw is a failure of the record. */
export interface PerRecord {
  readonly kind: 'per-record'
  readonly label: string
  /** Writes a store: what a later verb of the same run throws must not leave it half done, so the run ends here. */
  readonly writes: boolean
  /** More than one record may come of one: a later verb that writes begins a run, or what fails with the second would have been written for the first. */
  readonly emitsMany?: true
  /** One record may set off more than a turn of the event loop may take: it is alone in its run. See `Step.isUnfinished`. */
  readonly inPieces?: true
  open(task: TaskContext): Step
}
export interface Step extends Unfinished {
  (record: AnyRec, emit: Emit): void
  readonly idle?: IdleStep | undefined
}
export interface Unfinished {
  /**
   * True: what the record (or the wall clock) has set off is not done. What there is of it goes on, others have their turn, and
   * then the step is called once more, with the same record. No other comes in between, unless the policy has given that one up.
   */
  readonly isUnfinished?: (() => boolean) | undefined
}
/** What a verb that ends its run does while no record comes: all inputs of the task have been at their ends for `forMs` of wall time. */
export interface IdleStep {
  /** Not before that. */
  readonly afterMs: number
  move(forMs: number, emits: readonly Emit[]): void
}

/** One record in, one of several branches out (or none): split, mapEither. Always ends its run. */
export interface Route {
  readonly kind: 'route'
  readonly label: string
  readonly branches: number
  /** As of `PerRecord`. */
  readonly inPieces?: true
  open(task: TaskContext): RouteStep
}

export interface RouteStep extends Unfinished {
  (record: AnyRec, emits: readonly Emit[]): void
  readonly idle?: IdleStep | undefined
}

/** A verb that waits for something: answers each batch with one batch, at once or later. */
export interface PerBatch {
  readonly kind: 'per-batch'
  readonly label: string
  /** 'in turn': later, one batch after the other; 'at any time': as it happens. Left out: at once, or nothing follows. */
  readonly answers?: 'in turn' | 'at any time'
  open(task: TaskContext): (batches: Observable<Batch>) => Observable<Batch>
}

/**
 * Records that travel together, and the one receipt for all of them.
 * The law: every batch is answered for exactly once. A verb answers it with one batch, perhaps empty, that carries the
 * receipt on; what waits for the outside holds the receipt until that is safe.
 */
export interface Batch {
  readonly records: readonly AnyRec[]
  readonly receipt: Receipt
}
export interface Receipt {
  /** More parts than the one at hand; each must be `done` by itself. */
  hold(parts: number): void
  done(): void
  /** For parts that go elsewhere, as a dead letter: whoever waits in the task for what comes of the batch does not wait for these. */
  readonly outside: Receipt
}

/** A row of a table before and after a record; undefined: there was none, there is none. What flows below a table. */
export interface RowChange<A> {
  readonly before: A | undefined
  /** Of the row before, so that a lambda sees it as a lookup would have shown it; -1 when there was none. */
  readonly beforeTimestamp: number
  /** Its timestamp is that of the record which carries the change. */
  readonly after: A | undefined
}

/** What a verb may ask its task for. */
export interface TaskContext {
  readonly clock: Clock
  /** Which partition of its sub-topology this is. */
  readonly partition: number
  store<K, A>(spec: StoreSpec<K, A>): KeyedStore<K, A>
  /** A table held whole by every instance. */
  globalTable<K, A>(name: string): ReadableStore<K, A>
  /** A receipt for records that no batch brought: what `rx` emits by itself. The next commit waits for it. */
  extraReceipt(): Receipt
  /** Handles a record that could not be taken; settles what its policy says. See `ErrorPolicy`. */
  fail(failure: {
    readonly stage: 'process' | 'sink'
    readonly operator: string
    readonly error: Error
    readonly record: AnyRec
    readonly attempt: number
    readonly receipt: Receipt
  }): Verdict
  /** Calls `move` again and again once all inputs have been at their ends for `afterMs`, with how long it has been by then. */
  onIdle(afterMs: number, move: (forMs: number) => void): void
  /** Fails the app: something no policy can answer for. */
  stop(error: Error): void
  /** Counts what is left out on purpose: late records, null keys. */
  dropped(operator: string, reason: 'null-key' | 'null-value' | 'late'): void
  /** Aborted when the task closes. */
  readonly signal: AbortSignal
  /** What comes of a record must come of it again when it is read again: nothing may be emitted that no batch brought. */
  readonly isExactlyOnce: boolean
  /** A commit is waiting, or somebody who wants to see all that comes of what there is: nothing may be held back by choice. */
  readonly isDraining: boolean
  /**
   * Of who stops in the midst of a batch: a retry or a promise that is waited for, a long work in pieces. Until the release is called the task takes nothing,
   * of any input, and hands on nothing, as what is later must find what the earlier has set off. Only of who has just been given a
   * batch, or comes by `whenFree`: then nobody else is in the midst of one.
   */
  hold(): Release
  /** At once, or as soon as whoever holds the task has gone on, and what was there before has. */
  whenFree(move: () => void): void
  /** Called when `isDraining` begins: let go of what is held back by choice (`batch`, `toSink`). */
  onFlush(flush: () => void): void
}
/** Called once, with how it goes on: that comes before all that has waited. Nothing is done once the task is closed. */
export type Release = (goOn: () => void) => void
/** 'drop': the record is answered for (skipped, or its dead letter holds the receipt). 'stop': the app fails. `retryMs`: try again after that. */
export type Verdict = { readonly _tag: 'drop' } | { readonly _tag: 'stop' } | { readonly _tag: 'retry'; readonly afterMs: number }

/** A store as the plan knows it. */
export interface StoreSpec<K, A> {
  readonly name: string
  readonly key: Codec<K>
  readonly value: Codec<A>
  readonly kind: 'lmdb' | 'memory'
  /** Entries not written for that long in stream time are deleted, by the verb that owns the store. */
  readonly ttlMs?: number | undefined
  /** How many committed rows stay decoded in memory, or as many as the last commit wrote. Default 100,000. */
  readonly cached?: number
}
export interface Entry<A> {
  readonly value: A
  readonly timestamp: number
}
export interface ReadableStore<K, A> {
  get(key: K): Entry<A> | undefined
  /** The row as of a time; only where the table is versioned. */
  asOf?(key: K, time: number): Entry<A> | undefined
}
/** What a query reads: in order of the encoded keys, `from` inclusive, `to` exclusive, both encoded. */
export interface TableStore<K, A> extends ReadableStore<K, A> {
  /** Of the node that owns the rows; where a query reads them nobody asks. */
  readonly streamTime?: number
  /** Of who looks up rows that another verb writes: from now on all of them are found, also those of `KeyedStore.insert`. */
  expectLookups?(): void
  entries(range?: {
    readonly from?: Uint8Array
    readonly to?: Uint8Array
    readonly reverse?: boolean
  }): Iterable<readonly [key: K, entry: Entry<A>, encodedKey: Uint8Array]>
}
/** How a table is looked up: its own store, or a view over that of the table it was made from. */
export interface Lookup<K, A> {
  open(stores: { store<J, B>(spec: StoreSpec<J, B>): TableStore<J, B> }): TableStore<K, A>
}
export interface KeyedStore<K, A> extends TableStore<K, A> {
  /** `at`: where `set` has put it. */
  get(key: K, at?: RowPlace): Entry<A> | undefined
  /** The largest event time of the node that owns the store, -1 before the first; committed, and recovered, with the rows. */
  readonly streamTime: number
  /** Never moves back. */
  advanceTo(time: number): void
  /** Rows written since the last commit. */
  readonly dirtyCount: number
  /** Overlay only; the commit writes it. Gives the place of the row. */
  set(key: K, value: A, timestamp: number, at?: RowPlace): RowPlace
  delete(key: K, timestamp: number, at?: RowPlace): void
  /**
   * Of a row that is not there, and whose place the caller gives with every call: unless somebody expects lookups, it is not found by its
   * key before a restart.
   */
  insert(key: K, value: A, timestamp: number): RowPlace
}
/**
 * Where a store keeps a row in memory: for who writes it again and again, and is the only one who writes it. Given back with the same
 * key, it saves the search, which for keys that are no strings or numbers is most of what a write costs.
 */
export type RowPlace = unknown

import type { KHeaders } from './headers.js'

/**
 * All of a record but its value. The second argument of every lambda.
 * @since 0.1.0
 */
export interface Meta<out K> {
  readonly key: K
  /** Event time, ms since the epoch. */
  readonly timestamp: number
  readonly headers: KHeaders
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * A record of a topic, decoded.
 * @since 0.1.0
 */
export interface KRecord<out K, out V> extends Meta<K> {
  readonly value: V
}

/**
 * Every lambda of the library: value first, the rest second.
 * @since 0.1.0
 */
export type Fn<in K, in V, out R> = (value: V, meta: Meta<K>) => R

/**
 * A key with the window it was counted in; both bounds in ms since the epoch.
 * @since 0.1.0
 */
export interface Windowed<out K> {
  readonly key: K
  readonly start: number
  readonly end: number
}

/** A record as it lies in a log: bytes, decoded when asked. `transport/batch` makes them. */
export interface RawRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** As written in the log, ms since the epoch. */
  readonly timestamp: number
  /** A view into the batch; copy what is kept longer than the batch. */
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: KHeaders
}

/** What is written: bytes only. */
export interface OutRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
  readonly headers: KHeaders
}

/**
 * A record on its way through a task. Made once per step that changes it; where it came from travels along.
 * Position and raw bytes belong to the record the task read, whatever the verbs have made of it.
 */
export class Rec<K, V> implements KRecord<K, V> {
  constructor(
    readonly key: K,
    readonly value: V,
    readonly timestamp: number,
    /** Null: the headers of `origin`, decoded only when somebody looks. */
    readonly ownHeaders: KHeaders | null,
    readonly origin: RawRecord,
  ) {}

  get headers(): KHeaders {
    return this.ownHeaders ?? this.origin.headers
  }
  get topic(): string {
    return this.origin.topic
  }
  get partition(): number {
    return this.origin.partition
  }
  get offset(): number {
    return this.origin.offset
  }

  withValue<W>(value: W): Rec<K, W> {
    return new Rec(this.key, value, this.timestamp, this.ownHeaders, this.origin)
  }
  withKey<J>(key: J): Rec<J, V> {
    return new Rec(key, this.value, this.timestamp, this.ownHeaders, this.origin)
  }
}

// A view into a fetched batch would keep megabytes alive, or change under its holder.
const ownBytes = <A>(value: A): A => (value instanceof Uint8Array ? (Uint8Array.prototype.slice.call(value) as typeof value) : value)

/** What leaves the tracked world (`subscribe`, `pipe`, `rx`, `toSink`): a plain object with its own bytes, so spreading it works. */
export const plainRecord = <K, V>(record: Rec<K, V>): KRecord<K, V> => ({
  key: ownBytes(record.key),
  value: ownBytes(record.value),
  timestamp: record.timestamp,
  headers: record.headers,
  topic: record.topic,
  partition: record.partition,
  offset: record.offset,
})

/** A raw record as data for a policy or a dead letter: a copy, good for ever. */
export const plainRaw = (record: RawRecord): KRecord<Uint8Array | null, Uint8Array | null> => ({
  key: ownBytes(record.key),
  value: ownBytes(record.value),
  timestamp: record.timestamp,
  headers: record.headers,
  topic: record.topic,
  partition: record.partition,
  offset: record.offset,
})

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
  /** The value is not null; without making a view of it. */
  readonly hasValue?: boolean
  /** Key and value as UTF-8 without a Buffer in between, where the bytes lie in a batch. */
  utf8Key?(): string | null
  utf8Value?(): string | null
}

/** What is written: bytes only. */
export interface OutRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
  readonly headers: KHeaders
}

/** What is still as it was read of a record: then it need not be decoded to be written again. */
export interface Provenance {
  /** The decoder of its key; null once the key was replaced. */
  readonly key: object | null
  /** The decoder of its value; null once somebody has looked at it, or it was replaced. */
  readonly value: object | null
  decodeValue(origin: RawRecord): unknown
  readonly rekeyed: Provenance
  readonly revalued: Provenance
}

/** The value did not decode, which a verb learned when it asked for it: a failure at stage `decode`, wherever it comes up. */
export class UndecodableError extends Error {
  constructor(override readonly cause: unknown) {
    super('the value did not decode')
  }
}

/**
 * A record on its way through a task. Made once per step that changes it; where it came from travels along.
 * Position and raw bytes belong to the record the task read, whatever the verbs have made of it.
 * The value is decoded when a verb asks for it, and throws `UndecodableError` if it cannot be.
 */
export class Rec<K, V> implements KRecord<K, V> {
  constructor(
    readonly key: K,
    private held: V,
    readonly timestamp: number,
    /** Null: the headers of `origin`, decoded only when somebody looks. */
    readonly ownHeaders: KHeaders | null,
    readonly origin: RawRecord,
    private provenance: Provenance | null = null,
  ) {}

  get value(): V {
    return this.provenance === null || this.provenance.value === null ? this.held : this.decode(this.provenance)
  }
  /** Without decoding it: bytes that are there are taken for a value. */
  get isNull(): boolean {
    return (this.provenance === null || this.provenance.value === null) && (this.held === null || this.held === undefined)
  }
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
    return new Rec(this.key, value, this.timestamp, this.ownHeaders, this.origin, this.provenance?.revalued ?? null)
  }
  withKey<J>(key: J): Rec<J, V> {
    return new Rec(key, this.held, this.timestamp, this.ownHeaders, this.origin, this.provenance?.rekeyed ?? null)
  }
  withTimestamp(timestamp: number): Rec<K, V> {
    return new Rec(this.key, this.held, timestamp, this.ownHeaders, this.origin, this.provenance)
  }
  withHeaders(headers: KHeaders): Rec<K, V> {
    return new Rec(this.key, this.held, this.timestamp, headers, this.origin, this.provenance)
  }

  /** The key as it was read, if `codec` would write the same bytes; undefined: it must be encoded. */
  keyReadWith(codec: object): Buffer | null | undefined {
    return this.provenance?.key === codec ? this.origin.key : undefined
  }
  valueReadWith(codec: object): Buffer | null | undefined {
    return this.provenance?.value === codec ? this.origin.value : undefined
  }

  private decode(provenance: Provenance): V {
    try {
      // The decoder belongs to the source this record was read from, and so gives its V.
      this.held = provenance.decodeValue(this.origin) as V
    } catch (thrown) {
      throw new UndecodableError(thrown)
    }
    this.provenance = provenance.revalued
    return this.held
  }
}

// A view into a fetched batch would keep megabytes alive, or change under its holder.
const ownBytes = <A>(value: A): A => (value instanceof Uint8Array ? (Uint8Array.prototype.slice.call(value) as typeof value) : value)

/** What leaves the tracked world (`subscribe`, `pipe`, `rx`, `toSink`): a plain object with its own bytes, so spreading it works. */
export const plainRecord = <K, V>(record: KRecord<K, V>): KRecord<K, V> => ({
  key: ownBytes(record.key),
  value: ownBytes(record.value),
  timestamp: record.timestamp,
  headers: record.headers,
  topic: record.topic,
  partition: record.partition,
  offset: record.offset,
})

/** A raw record as data for a policy or a dead letter: a copy, good for ever. */
export const plainRaw = (record: RawRecord): KRecord<Uint8Array | null, Uint8Array | null> => plainRecord(record)

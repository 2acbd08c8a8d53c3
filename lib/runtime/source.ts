import type { Clock } from '../core/clock.js'
import { toError } from '../core/errors.js'
import type { Decoder } from '../core/codec.js'
import { fromText } from '../core/codec-text.js'
import { Rec, UndecodableError, type Provenance, type RawRecord } from '../core/record.js'
import type { SourceNode } from '../topology/node.js'
import type { AnyRec } from '../topology/operator.js'
import { eventTimeError, isEventTime, looksLikeSeconds } from './event-time.js'

/** What decoding gave: a record, nothing (a table's null key), or the error that stands in its place. */
export type Decoded = AnyRec | DecodeError | null
export class DecodeError {
  constructor(readonly error: Error) {}
}

/** Decodes the records of one source node: keys at once, values when a verb asks. Never throws: a failure is data until its turn comes. */
export class SourceDecoder {
  private readonly asRead: Provenance
  private readonly decodeKey: (raw: RawRecord) => unknown
  private readonly decodeValue: (raw: RawRecord) => unknown
  private hasToldOfSeconds = false

  constructor(
    private readonly node: SourceNode,
    private readonly clock: Clock,
    private readonly onNullKey: () => void,
    /** Once. */
    private readonly onSeconds: (eventTime: number) => void,
  ) {
    const { key, value } = node.topic
    this.decodeKey = reader(
      key,
      (raw) => raw.key,
      (raw) => raw.utf8Key?.(),
    )
    this.decodeValue = reader(
      value,
      (raw) => raw.value,
      (raw) => raw.utf8Value?.(),
    )
    this.asRead = provenance(key, value, this.decodeValue)
  }

  /** For codecs that must look something up first. */
  prepare(raws: readonly RawRecord[]): Promise<unknown> | undefined {
    const { key, value } = this.node.topic
    if (key.prepare === undefined && value.prepare === undefined) return undefined
    const lookups = raws.flatMap((raw) => [key.prepare?.(raw.key), value.prepare?.(raw.value)]).filter((lookup) => lookup !== undefined)
    return lookups.length > 0 ? Promise.all(lookups) : undefined
  }

  decodeAll(raws: readonly RawRecord[]): Decoded[] {
    const now = this.clock.now()
    const decoded = new Array<Decoded>(raws.length)
    for (let i = 0; i < raws.length; i++) decoded[i] = this.decodeAt(raws[i] as RawRecord, now)
    return decoded
  }

  decode(raw: RawRecord): Decoded {
    return this.decodeAt(raw, this.clock.now())
  }

  private decodeAt(raw: RawRecord, now: number): Decoded {
    const { topic, as, options } = this.node
    try {
      const isTable = as === 'table'
      if (isTable && raw.key === null) {
        this.onNullKey()
        return null
      }
      const key = this.decodeKey(raw)
      const { timestamp } = raw
      const hasValue = raw.hasValue ?? raw.value !== null
      // A null is told at once: a table's delete, or what the codec makes of it.
      const record = hasValue
        ? new Rec(key, undefined, timestamp, null, raw, this.asRead)
        : new Rec(key, isTable ? null : this.decodeValue(raw), timestamp, null, raw, this.asRead.revalued)
      const eventTime = topic.timestamp && (hasValue || !isTable) ? topic.timestamp(record.value, record) : timestamp
      const latest = now + options.maxAheadMs
      if (!isEventTime(eventTime, latest))
        return new DecodeError(eventTimeError(eventTime, latest, { isGiven: topic.timestamp !== undefined && (hasValue || !isTable) }))
      if (!this.hasToldOfSeconds && looksLikeSeconds(eventTime, now)) this.tellOfSeconds(eventTime)
      return eventTime === timestamp ? record : record.withTimestamp(eventTime)
    } catch (thrown) {
      return new DecodeError(toError(thrown instanceof UndecodableError ? thrown.cause : thrown))
    }
  }

  private tellOfSeconds(eventTime: number): void {
    this.hasToldOfSeconds = true
    this.onSeconds(eventTime)
  }
}

const reader = <A>(
  codec: Decoder<A>,
  bytes: (raw: RawRecord) => Buffer | null,
  text: (raw: RawRecord) => string | null | undefined,
): ((raw: RawRecord) => A) => {
  const read = fromText(codec)
  if (read === undefined) return (raw) => codec.decode(bytes(raw))
  return (raw) => {
    const found = text(raw)
    return typeof found === 'string' ? read(found) : codec.decode(bytes(raw))
  }
}

class AsRead implements Provenance {
  rekeyed: Provenance = this
  revalued: Provenance = this

  constructor(
    readonly key: object | null,
    readonly value: object | null,
    readonly decodeValue: (raw: RawRecord) => unknown,
  ) {}
}

/** One object for each of the four things that can have happened to the records of a source, instead of one per record. */
const provenance = (key: object, value: object, decodeValue: (raw: RawRecord) => unknown): Provenance => {
  const untouched = new AsRead(key, value, decodeValue)
  const rekeyed = new AsRead(null, value, decodeValue)
  const revalued = new AsRead(key, null, decodeValue)
  const neither = new AsRead(null, null, decodeValue)
  untouched.rekeyed = rekeyed
  untouched.revalued = revalued
  rekeyed.revalued = neither
  revalued.rekeyed = neither
  return untouched
}

/** A table's null keys are left out; mostly there are none, and the batch goes on as it is. */
export const goodOnes = (decoded: readonly Decoded[]): readonly AnyRec[] => {
  for (const one of decoded)
    if (one === null || one instanceof DecodeError)
      return decoded.filter((each): each is AnyRec => each !== null && !(each instanceof DecodeError))
  return decoded as readonly AnyRec[]
}

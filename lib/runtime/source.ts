import type { Clock } from '../core/clock.js'
import { MillraceError, toError } from '../core/errors.js'
import { Rec, type RawRecord } from '../core/record.js'
import type { SourceNode } from '../topology/node.js'
import type { AnyRec } from '../topology/operator.js'

/** What decoding gave: a record, nothing (a table's null key), or the error that stands in its place. */
export type Decoded = AnyRec | DecodeError | null
export class DecodeError {
  constructor(readonly error: Error) {}
}

/** Decodes the records of one source node. Never throws: a failure is data until its turn comes. */
export class SourceDecoder {
  constructor(
    private readonly node: SourceNode,
    private readonly clock: Clock,
    private readonly onNullKey: () => void,
  ) {}

  /** For codecs that must look something up first. */
  prepare(raws: readonly RawRecord[]): Promise<unknown> | undefined {
    const { key, value } = this.node.topic
    if (key.prepare === undefined && value.prepare === undefined) return undefined
    const lookups = raws.flatMap((raw) => [key.prepare?.(raw.key), value.prepare?.(raw.value)]).filter((lookup) => lookup !== undefined)
    return lookups.length > 0 ? Promise.all(lookups) : undefined
  }

  decodeAll(raws: readonly RawRecord[]): Decoded[] {
    const latest = this.clock.now() + this.node.options.maxAheadMs
    const decoded = new Array<Decoded>(raws.length)
    for (let i = 0; i < raws.length; i++) decoded[i] = this.decodeBefore(raws[i] as RawRecord, latest)
    return decoded
  }

  decode(raw: RawRecord): Decoded {
    return this.decodeBefore(raw, this.clock.now() + this.node.options.maxAheadMs)
  }

  private decodeBefore(raw: RawRecord, latest: number): Decoded {
    const { topic, as } = this.node
    try {
      if (as === 'table' && raw.key === null) {
        this.onNullKey()
        return null
      }
      const key: unknown = topic.key.decode(raw.key)
      const isDelete = as === 'table' && raw.value === null
      const value: unknown = isDelete ? null : topic.value.decode(raw.value)
      const record = new Rec(key, value, raw.timestamp, null, raw)
      const timestamp = topic.timestamp && !isDelete ? topic.timestamp(value, record) : raw.timestamp
      if (!(timestamp >= 0 && timestamp <= latest)) return new DecodeError(timestampError(timestamp, latest))
      return timestamp === raw.timestamp ? record : new Rec(key, value, timestamp, null, raw)
    } catch (thrown) {
      return new DecodeError(toError(thrown))
    }
  }
}

const timestampError = (timestamp: number, latest: number): MillraceError =>
  new MillraceError('MR_TIMESTAMP', timestamp > latest ? `event time ${timestamp} is ahead of the clock by more than maxAhead (latest ${latest})` : `event time is ${String(timestamp)}`)

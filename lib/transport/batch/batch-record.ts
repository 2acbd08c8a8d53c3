import { headersOf, noHeaders, type KHeaders } from '../../core/headers.js'
import type { RawRecord } from '../../core/record.js'
import { Cursor } from './cursor.js'

/** What the records of a batch have in common. */
export interface BatchBytes {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly baseTimestamp: number
  /** Uncompressed; the positions of the records point into it. */
  readonly bytes: Buffer
}

/**
 * A record of a batch as positions: small integers only, because a Buffer for each key and value costs more than all of
 * the decoding. The reader has checked that every position lies within the batch.
 */
export class BatchRecord implements RawRecord {
  constructor(
    private readonly batch: BatchBytes,
    private readonly offsetDelta: number,
    private readonly timestampDelta: number,
    private readonly keyAt: number,
    private readonly keyLength: number,
    private readonly valueAt: number,
    private readonly valueLength: number,
    private readonly headersAt: number,
  ) {}

  get topic(): string {
    return this.batch.topic
  }
  get partition(): number {
    return this.batch.partition
  }
  get offset(): number {
    return this.batch.baseOffset + this.offsetDelta
  }
  get timestamp(): number {
    return this.batch.baseTimestamp + this.timestampDelta
  }
  get key(): Buffer | null {
    return this.keyLength < 0 ? null : this.batch.bytes.subarray(this.keyAt, this.keyAt + this.keyLength)
  }
  get value(): Buffer | null {
    return this.valueLength < 0 ? null : this.batch.bytes.subarray(this.valueAt, this.valueAt + this.valueLength)
  }
  get hasValue(): boolean {
    return this.valueLength >= 0
  }
  get headers(): KHeaders {
    return readHeaders(this.batch.bytes, this.headersAt)
  }

  /** The key as UTF-8, without a Buffer in between. */
  utf8Key(): string | null {
    return this.keyLength < 0 ? null : this.batch.bytes.toString('utf8', this.keyAt, this.keyAt + this.keyLength)
  }
  utf8Value(): string | null {
    return this.valueLength < 0 ? null : this.batch.bytes.toString('utf8', this.valueAt, this.valueAt + this.valueLength)
  }
}

const readHeaders = (bytes: Buffer, at: number): KHeaders => {
  const cursor = new Cursor(bytes, at)
  const count = cursor.varint()
  if (count === 0) return noHeaders
  const pairs: (readonly [string, Buffer | null])[] = []
  for (let i = 0; i < count; i++) {
    const name = take(bytes, cursor)?.toString('utf8') ?? ''
    pairs.push([name, take(bytes, cursor)])
  }
  return headersOf(pairs)
}

const take = (bytes: Buffer, cursor: Cursor): Buffer | null => {
  const length = cursor.varint()
  if (length < 0) return null
  cursor.at += length
  return bytes.subarray(cursor.at - length, cursor.at)
}

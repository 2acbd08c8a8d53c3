import { readInt64, writeInt64 } from '../batch/header.js'

/** Writes the primitives of the Kafka protocol. */
export class WireWriter {
  private bytes: Buffer
  private at = 0

  /** `size`: about how much there will be. */
  constructor(size = 256) {
    this.bytes = Buffer.allocUnsafe(size)
  }

  int8(value: number): this {
    this.reserve(1)
    this.at = this.bytes.writeInt8(value, this.at)
    return this
  }
  int16(value: number): this {
    this.reserve(2)
    this.at = this.bytes.writeInt16BE(value, this.at)
    return this
  }
  int32(value: number): this {
    this.reserve(4)
    this.at = this.bytes.writeInt32BE(value, this.at)
    return this
  }
  int64(value: number): this {
    this.reserve(8)
    writeInt64(this.bytes, value, this.at)
    this.at += 8
    return this
  }
  bigint64(value: bigint): this {
    this.reserve(8)
    this.at = this.bytes.writeBigInt64BE(value, this.at)
    return this
  }
  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const length = Buffer.byteLength(value)
    this.int16(length).reserve(length)
    this.at += this.bytes.write(value, this.at)
    return this
  }
  /** Length first, as in Produce. */
  raw(value: Buffer): this {
    this.int32(value.length).reserve(value.length)
    this.at += value.copy(this.bytes, this.at)
    return this
  }
  array<A>(items: readonly A[], write: (item: A) => void): this {
    this.int32(items.length)
    items.forEach(write)
    return this
  }

  /* Flexible versions (KIP-482): lengths are unsigned varints, one more than they count; tags end each structure. */

  compactString(value: string | null): this {
    if (value === null) return this.unsignedVarint(0)
    const length = Buffer.byteLength(value)
    this.unsignedVarint(length + 1).reserve(length)
    this.at += this.bytes.write(value, this.at)
    return this
  }
  compactArray<A>(items: readonly A[], write: (item: A) => void): this {
    this.unsignedVarint(items.length + 1)
    items.forEach(write)
    return this
  }
  noTags(): this {
    return this.int8(0)
  }

  /** What was written; the writer is not used any more. */
  finish(): Buffer {
    return this.bytes.subarray(0, this.at)
  }

  private unsignedVarint(value: number): this {
    this.reserve(5)
    let rest = value
    for (; rest > 127; rest >>>= 7) this.bytes[this.at++] = (rest & 127) | 128
    this.bytes[this.at++] = rest
    return this
  }
  private reserve(length: number): void {
    if (this.at + length <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + length))
    this.bytes.copy(larger, 0, 0, this.at)
    this.bytes = larger
  }
}

/** Reads them. Bytes are views. */
export class WireReader {
  /** How long the broker wants to hear nothing more on this connection: a quota is used up (KIP-219). */
  throttleMs = 0
  private at = 0
  constructor(private readonly bytes: Buffer) {}

  /** Where the response says so. */
  throttle(): number {
    this.throttleMs = this.int32()
    return this.throttleMs
  }

  int8(): number {
    return this.bytes.readInt8(this.skip(1))
  }
  int16(): number {
    return this.bytes.readInt16BE(this.skip(2))
  }
  int32(): number {
    return this.bytes.readInt32BE(this.skip(4))
  }
  int64(): number {
    return readInt64(this.bytes, this.skip(8))
  }
  bigint64(): bigint {
    return this.bytes.readBigInt64BE(this.skip(8))
  }
  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.bytes.toString('utf8', this.skip(length), this.at)
  }
  string(): string {
    return this.nullableString() ?? ''
  }
  /** Empty for null. */
  raw(): Buffer {
    const length = Math.max(0, this.int32())
    return this.bytes.subarray(this.skip(length), this.at)
  }
  array<A>(read: () => A): A[] {
    const items: A[] = []
    for (let left = this.int32(); left > 0; left -= 1) items.push(read())
    return items
  }

  compactString(): string {
    const length = Math.max(0, this.unsignedVarint() - 1)
    return this.bytes.toString('utf8', this.skip(length), this.at)
  }
  compactArray<A>(read: () => A): A[] {
    const items: A[] = []
    for (let left = this.unsignedVarint() - 1; left > 0; left -= 1) items.push(read())
    return items
  }
  tags(): void {
    for (let left = this.unsignedVarint(); left > 0; left -= 1) {
      this.unsignedVarint()
      this.skip(this.unsignedVarint())
    }
  }

  private unsignedVarint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes.readUInt8(this.skip(1))
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
  }
  private skip(length: number): number {
    const from = this.at
    if (from + length > this.bytes.length) throw new RangeError(`a response ends at byte ${this.bytes.length}, ${from + length} are needed`)
    this.at += length
    return from
  }
}

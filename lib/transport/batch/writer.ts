import type { KHeaders } from '../../core/headers.js'
import { noHeaders } from '../../core/headers.js'
import type { OutRecord } from '../../core/record.js'
import { codecOf } from './codecs.js'
import { compressions, type Codec, type Compression } from './compression.js'
import { crc32c } from './crc32c.js'
import { Cursor } from './cursor.js'
import { attribute, attributes, field, headerBytes, writeInt64 } from './header.js'

/** Who writes a batch, for the broker to recognise a repetition; what `InitProducerId` and our own counting gave. */
export interface ProducerStamp {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional?: boolean
}

const smallest = 512
const largestFirst = 1024 * 1024

/** Builds record batches v2, one at a time: records are encoded as they come, compression, header and checksum at the end. */
export class BatchWriter {
  private readonly codec: Codec | null
  private readonly codecNumber: number
  private bytes = Buffer.allocUnsafeSlow(smallest)
  private at = headerBytes
  private records = 0
  private firstTimestamp = 0
  private maxTimestamp = 0

  /** Throws `MR_COMPRESSION` where the codec is not available. A batch that would not become smaller is left as it is. */
  constructor(compression: Compression = 'none') {
    this.codec = compression === 'none' ? null : codecOf(compression)
    this.codecNumber = compressions.indexOf(compression)
  }

  get count(): number {
    return this.records
  }
  /** What `seal` would give now, without compression. */
  get byteLength(): number {
    return this.at
  }

  /** The bytes are copied. Timestamps: ms, cut to whole ones; in any order. */
  append(record: OutRecord): void {
    const delta = this.deltaOf(Math.trunc(record.timestamp))
    const headersLength = record.headers === noHeaders ? 1 : sizeOfHeaders(record.headers)
    const keyLength = record.key === null ? -1 : record.key.length
    const valueLength = record.value === null ? -1 : record.value.length
    const length = 1 + sizeOfVarlong(delta) + sizeOfVarint(this.records) + sizeOfBytes(keyLength) + sizeOfBytes(valueLength) + headersLength
    this.begin(length, delta)
    this.optional(record.key, keyLength)
    this.optional(record.value, valueLength)
    if (record.headers === noHeaders) this.bytes[this.at++] = 0
    else this.headers(record.headers)
    this.records++
  }

  /** Takes over the records of another writer, which is empty then. */
  appendAll(other: BatchWriter): void {
    const from = new Cursor(other.bytes, headerBytes)
    for (let i = 0; i < other.records; i++) {
      const length = from.varint()
      const end = from.at + length
      from.at++ // attributes, unused
      const delta = this.deltaOf(other.firstTimestamp + from.varlong())
      from.varint() // its number
      this.begin(1 + sizeOfVarlong(delta) + sizeOfVarint(this.records) + end - from.at, delta)
      this.at += other.bytes.copy(this.bytes, this.at, from.at, end)
      from.at = end
      this.records++
    }
    other.clear()
  }

  /** The batch, with base offset 0; the writer is empty again. There must be at least one record. */
  seal(producer?: ProducerStamp): Buffer {
    if (this.records === 0) throw new RangeError('a record batch has at least one record')
    const plain = this.bytes.subarray(0, this.at)
    const smaller = this.codec && deflated(plain, this.codec)
    const batch = smaller ?? plain
    writeInt64(batch, 0, field.baseOffset)
    batch.writeInt32BE(batch.length - field.leaderEpoch, field.length)
    batch.writeInt32BE(-1, field.leaderEpoch)
    batch.writeInt8(2, field.magic)
    batch.writeInt16BE(smaller === null ? 0 : this.codecNumber, field.attributes)
    batch.writeInt32BE(this.records - 1, field.lastOffsetDelta)
    writeInt64(batch, this.firstTimestamp, field.firstTimestamp)
    writeInt64(batch, this.maxTimestamp, field.maxTimestamp)
    batch.writeInt32BE(this.records, field.count)
    stampProducer(batch, producer ?? nobody)
    // The next batch of a writer is mostly as large as the last one.
    if (smaller === null) this.bytes = Buffer.allocUnsafeSlow(Math.min(Math.max(this.at, smallest), largestFirst))
    this.clear()
    return batch
  }

  private clear(): void {
    this.at = headerBytes
    this.records = 0
  }

  /** From the time of the first record of the batch. */
  private deltaOf(timestamp: number): number {
    if (this.records === 0) this.firstTimestamp = this.maxTimestamp = timestamp
    else if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
    return timestamp - this.firstTimestamp
  }

  /** Of a record that takes `length` bytes, all but its key, its value and its headers. */
  private begin(length: number, delta: number): void {
    this.reserve(length + 5)
    this.varint(length)
    this.bytes[this.at++] = 0
    this.varlong(delta)
    this.varint(this.records)
  }

  private reserve(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + bytes))
    this.bytes.copy(larger, 0, 0, this.at)
    this.bytes = larger
  }

  private varint(value: number): void {
    this.at = putVarint(this.bytes, value, this.at)
  }

  private varlong(value: number): void {
    if (value >= -0x4000_0000 && value < 0x4000_0000) return this.varint(value)
    // The doubled number would not fit into a double: the four low groups first, then the rest.
    const magnitude = value < 0 ? -value - 1 : value
    const low = (magnitude % 0x800_0000) * 2 + (value < 0 ? 1 : 0)
    for (let shift = 0; shift < 28; shift += 7) this.bytes[this.at++] = ((low >>> shift) & 127) | 128
    let high = Math.floor(magnitude / 0x800_0000)
    while (high > 127) {
      this.bytes[this.at++] = (high % 128) | 128
      high = Math.floor(high / 128)
    }
    this.bytes[this.at++] = high
  }

  private optional(bytes: Uint8Array | null, length: number): void {
    this.varint(length)
    if (bytes !== null) this.copy(bytes)
  }

  private headers(headers: KHeaders): void {
    let count = 0
    for (const _ of headers) count++
    this.varint(count)
    for (const [name, value] of headers) {
      this.varint(Buffer.byteLength(name))
      this.at += this.bytes.write(name, this.at)
      this.optional(value, value === null ? -1 : value.length)
    }
  }

  private copy(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }
}

const nobody: ProducerStamp = { producerId: -1n, producerEpoch: -1, baseSequence: -1 }

/** Makes it a batch of that producer; nothing else of it changes but the checksum. */
export const stampProducer = (batch: Buffer, producer: ProducerStamp): void => {
  const others = attributes(batch) & ~attribute.transactional
  batch.writeInt16BE(producer.isTransactional === true ? others | attribute.transactional : others, field.attributes)
  batch.writeBigInt64BE(producer.producerId, field.producerId)
  batch.writeInt16BE(producer.producerEpoch, field.producerEpoch)
  batch.writeInt32BE(producer.baseSequence, field.baseSequence)
  sum(batch)
}

/** Null when compression does not pay. */
const deflated = (plain: Buffer, codec: Codec): Buffer | null => {
  const records = codec.compress(plain.subarray(headerBytes))
  return records.length + headerBytes < plain.length ? Buffer.concat([plain.subarray(0, headerBytes), records]) : null
}

/** Writes the checksum of a finished batch. */
export const sum = (batch: Buffer): void => {
  batch.writeUInt32BE(crc32c(batch, field.attributes, batch.length), field.crc)
}

const sizeOfHeaders = (headers: KHeaders): number => {
  let count = 0
  let size = 0
  for (const [name, value] of headers) {
    count++
    size += sizeOfBytes(Buffer.byteLength(name)) + sizeOfBytes(value === null ? -1 : value.length)
  }
  return sizeOfVarint(count) + size
}

const putVarint = (bytes: Buffer, value: number, from: number): number => {
  let at = from
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  for (; zigzag > 127; zigzag >>>= 7) bytes[at++] = (zigzag & 127) | 128
  bytes[at++] = zigzag
  return at
}

const sizeOfVarint = (value: number): number => {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5
}

const sizeOfVarlong = (value: number): number => {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return sizeOfVarint(value)
  let groups = 1
  // Doubling would be inexact beyond 2^52: the first group holds 6 bits of the magnitude.
  for (let rest = Math.floor((value < 0 ? -value - 1 : value) / 64); rest > 0; rest = Math.floor(rest / 128)) groups++
  return groups
}

const sizeOfBytes = (length: number): number => sizeOfVarint(length) + Math.max(length, 0)

import { corrupt, lastOffset, maxTimestamp, recordCount, stampBatch } from '../batch/header.js'
import { readBatch } from '../batch/reader.js'
import type { Chunk, OffsetSpec, TopicPartition } from '../port.js'
import type { LogStorage, PartitionRef, StoredBatch } from './storage.js'

/** One partition: which batches there are, and which offsets it spans. Changed only when the storage has kept the change. */
export class PartitionLog {
  private batches: StoredBatch[]
  /** The first offset that is still there. */
  private first: number
  /** One beyond the last that readers see. */
  private last: number
  /** The same with what is being written. */
  private reserved: number
  private bytes: number
  /** Bytes that came after the last compaction. */
  dirtyBytes = 0

  constructor(
    readonly at: TopicPartition,
    readonly ref: PartitionRef,
    readonly config: Readonly<Record<string, string>>,
    private readonly storage: LogStorage,
  ) {
    const bounds = storage.bounds(ref)
    this.first = bounds?.start ?? 0
    this.batches = storage.batches(ref).filter(({ lastOffset }) => lastOffset >= this.first)
    this.last = this.reserved = Math.max(bounds?.end ?? 0, (this.batches.at(-1)?.lastOffset ?? -1) + 1)
    this.bytes = this.batches.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  get start(): number {
    return this.first
  }
  get end(): number {
    return this.last
  }
  get byteLength(): number {
    return this.bytes
  }
  get all(): readonly StoredBatch[] {
    return this.batches
  }
  /** Undefined: it was removed earlier in the transaction that asks. */
  read(batch: StoredBatch): Buffer | undefined {
    return this.storage.read(this.ref, batch)
  }

  /* --------------------------------------- writing: inside a transaction, then `keep` or `forget` */

  /** Gives the batch its offsets and writes it. */
  append(bytes: Buffer): StoredBatch {
    stampBatch(bytes, this.reserved)
    this.reserved += recordCount(bytes)
    const batch = {
      baseOffset: this.reserved - recordCount(bytes),
      lastOffset: lastOffset(bytes),
      maxTimestamp: maxTimestamp(bytes),
      byteLength: bytes.length,
    }
    this.storage.putBatch(this.ref, batch, bytes)
    return batch
  }
  keep(batch: StoredBatch): void {
    this.batches.push(batch)
    this.bytes += batch.byteLength
    this.dirtyBytes += batch.byteLength
    this.last = batch.lastOffset + 1
  }
  forget(): void {
    this.reserved = this.last
  }

  /** Removes what lies wholly below; the start moves there. Gives what is to be done once that is kept. */
  cutBelow(offset: number): () => void {
    const start = Math.min(offset, this.last)
    if (start <= this.first) return () => undefined
    for (const batch of this.batches.slice(0, this.indexOf(start))) this.storage.removeBatch(this.ref, batch)
    this.storage.putBounds(this.ref, { start, end: this.last })
    return () => {
      this.first = Math.max(this.first, start)
      const gone = this.batches.splice(0, this.indexOf(start))
      this.bytes -= gone.reduce((sum, { byteLength }) => sum + byteLength, 0)
    }
  }

  /** Puts smaller batches, or none, in the place of some. Offsets stay. */
  replace(changes: ReadonlyMap<StoredBatch, Buffer | null>): () => void {
    const smaller = new Map<StoredBatch, StoredBatch | null>()
    for (const [batch, bytes] of changes) {
      this.storage.removeBatch(this.ref, batch)
      const next = bytes === null ? null : { ...batch, byteLength: bytes.length }
      if (next && bytes) this.storage.putBatch(this.ref, next, bytes)
      smaller.set(batch, next)
    }
    if (changes.size > 0) this.storage.putBounds(this.ref, { start: this.first, end: this.last })
    return () => {
      this.batches = this.batches
        .map((batch) => (smaller.has(batch) ? (smaller.get(batch) ?? null) : batch))
        .filter((batch) => batch !== null)
      this.bytes = this.batches.reduce((sum, { byteLength }) => sum + byteLength, 0)
      this.dirtyBytes = 0
    }
  }

  /* ------------------------------------------------------------------- reading */

  /** Null: the offset is not in this log. */
  chunk(offset: number, maxBytes: number): Chunk | null {
    if (offset < this.first || offset > this.last) return null
    const batches: Buffer[] = []
    let byteLength = 0
    let nextOffset = this.last
    for (let i = this.indexOf(offset); ; i++) {
      const batch = this.batches[i]
      if (batch === undefined) break
      if (byteLength > 0 && byteLength + batch.byteLength > maxBytes) {
        nextOffset = (this.batches[i - 1]?.lastOffset ?? -1) + 1
        break
      }
      batches.push(this.bytesOf(batch))
      byteLength += batch.byteLength
    }
    return { ...this.at, batches, fetchOffset: offset, nextOffset, endOffset: this.last, byteLength }
  }

  offsetAt(spec: OffsetSpec): number {
    if (spec === 'earliest') return this.first
    if (spec === 'end' || spec === 'stable') return this.last
    for (const batch of this.batches) {
      if (batch.maxTimestamp < spec.time) continue
      const found = readBatch(this.bytesOf(batch), this.first, this.at).find((record) => record.timestamp >= spec.time)
      if (found) return found.offset
    }
    return this.last
  }

  private bytesOf(batch: StoredBatch): Buffer {
    const bytes = this.read(batch)
    if (bytes === undefined) throw corrupt(this.at, batch.baseOffset, 'the batch is not in the storage')
    return bytes
  }

  /** Of the first batch that reaches to the offset. */
  private indexOf(offset: number): number {
    let low = 0
    let high = this.batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.batches[middle]?.lastOffset ?? Infinity) < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

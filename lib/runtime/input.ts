import { toError } from '../core/errors.js'
import type { RawRecord } from '../core/record.js'
import { readBatch } from '../transport/batch/reader.js'
import type { Chunk, TopicPartition } from '../transport/port.js'
import { Frontier } from './receipts.js'
import { DecodeError, type Decoded, type SourceDecoder } from './source.js'

/** Records a task works on at a time, at most: bounds what one failure or one slow promise holds up. */
const maxSliceRecords = 2048

/** One record batch of the log, decoded for each source node that reads the topic. */
interface Unit {
  readonly raws: readonly RawRecord[]
  readonly bySource: readonly Decoded[][]
  /** Where reading stands when the unit is used up. */
  readonly nextOffset: number
  /** What is left of it weighs. */
  bytes: number
  index: number
}
interface Waiting {
  readonly bytes: Buffer | null
  readonly from: number
  readonly nextOffset: number
}

/** Records in order, good ones; the offset after them; what they weigh. */
export interface Slice {
  readonly raws: readonly RawRecord[]
  readonly bySource: readonly Decoded[][]
  readonly nextOffset: number
  readonly bytes: number
}

export interface TaskInput {
  readonly input: Input
  /** Of each node that reads the topic. */
  readonly labels: readonly string[]
}

/** The queue of one input partition of a task: raw batches wait, the one at the head is decoded. */
export class Input {
  frontier: Frontier
  queuedBytes = 0
  /** Of them and of those that were taken since `taken` was asked last. */
  private unaccounted = 0
  /** The last stable offset, once known. */
  endOffset: number | null = null
  /** `until` was reached: nothing more is taken. */
  isFinished = false
  private position: number
  private readonly waiting: Waiting[] = []
  private unit: Unit | null = null
  private preparing: Promise<unknown> | null = null

  constructor(
    readonly at: TopicPartition,
    readonly sources: readonly SourceDecoder[],
    start: number,
    private readonly until: { readonly offset: number } | { readonly time: number } | null,
    private readonly sliceRecords = maxSliceRecords,
  ) {
    this.position = start
    this.frontier = new Frontier(start)
    this.finishAt(start)
  }

  /** The next offset to take. */
  get nextOffset(): number {
    return this.position
  }
  get isAtEnd(): boolean {
    return this.isFinished || (this.endOffset !== null && this.position >= this.endOffset)
  }

  add(chunk: Chunk): void {
    this.endOffset = chunk.endOffset
    this.unaccounted += chunk.byteLength
    if (this.isFinished) return
    const last = chunk.batches.length - 1
    chunk.batches.forEach((bytes, i) =>
      this.waiting.push({ bytes, from: chunk.fetchOffset, nextOffset: i === last ? chunk.nextOffset : -1 }),
    )
    if (last < 0) this.waiting.push({ bytes: null, from: chunk.fetchOffset, nextOffset: chunk.nextOffset })
    this.queuedBytes += chunk.byteLength
  }

  get hasTaken(): boolean {
    return this.unaccounted > this.queuedBytes
  }

  /** Bytes that have left the queue since this was asked last. */
  taken(): number {
    const bytes = this.unaccounted - this.queuedBytes
    this.unaccounted = this.queuedBytes
    return bytes
  }

  /** Forgets what has not been taken, which is read again. What was taken goes on: it is answered for once. */
  forget(): void {
    this.waiting.length = 0
    this.unit = null
    this.preparing = null
    this.queuedBytes = 0
    this.unaccounted = 0
    this.endOffset = null
  }

  /** Reading goes on from there, whatever has not been answered for. */
  seek(to: number): void {
    this.forget()
    this.position = to
    this.frontier = new Frontier(to)
  }

  /**
   * True: there is a head. A promise: there will be, codecs are looking something up. False: nothing is queued.
   * Throws `MR_CORRUPT_BATCH` on bytes that are no batch.
   */
  head(): boolean | Promise<unknown> {
    if (this.preparing) return this.preparing
    while (!this.isFinished && (this.unit === null || this.unit.index >= this.unit.raws.length)) {
      if (this.unit) return true
      const next = this.waiting.shift()
      if (next === undefined) return false
      const opened = this.open(next)
      if (opened) return opened
    }
    return !this.isFinished
  }

  /** Event time of the head; -Infinity when it only moves the position. */
  headTime(): number {
    const unit = this.unit
    const raw = unit?.raws[unit.index]
    if (unit === null || raw === undefined) return -Infinity
    const decoded = unit.bySource[0]?.[unit.index]
    return decoded && !(decoded instanceof DecodeError) ? decoded.timestamp : raw.timestamp
  }

  /** The head did not decode, for one of the sources at least. */
  get hasFailedHead(): boolean {
    const { unit } = this
    return unit !== null && unit.bySource.some((decoded) => decoded[unit.index] instanceof DecodeError)
  }

  /** Head records while their time is <= `limit`, up to the first that failed to decode. Empty: the head itself failed. */
  take(limit: number): Slice {
    const unit = this.unit as Unit
    return this.cut(unit, this.sliceEnd(unit, limit))
  }

  /** The head, which failed to decode for at least one source: to be answered for by itself. */
  takeFailed(): Slice {
    return this.cut(this.unit as Unit, (this.unit as Unit).index + 1)
  }
  private sliceEnd(unit: Unit, limit: number): number {
    const most = Math.min(unit.raws.length, unit.index + this.sliceRecords)
    const [first] = unit.bySource
    let i = unit.index
    for (; i < most; i++) {
      for (const decoded of unit.bySource) if (decoded[i] instanceof DecodeError) return i
      const decoded = first?.[i]
      const time = decoded && !(decoded instanceof DecodeError) ? decoded.timestamp : (unit.raws[i] as RawRecord).timestamp
      if (time > limit) return i
    }
    return i
  }

  private cut(unit: Unit, end: number): Slice {
    const start = unit.index
    unit.index = end
    const isWhole = end >= unit.raws.length
    // Whole bytes, and all of them with the last record: an input is empty when nothing is left, not almost nothing.
    const bytes = isWhole ? unit.bytes : Math.floor((unit.bytes * (end - start)) / (unit.raws.length - start))
    unit.bytes -= bytes
    const nextOffset = isWhole ? unit.nextOffset : (unit.raws[end] as RawRecord).offset
    this.queuedBytes -= bytes
    if (isWhole) this.unit = null
    this.position = nextOffset
    this.finishAt(nextOffset)
    const all = start === 0 && isWhole
    return {
      raws: all ? unit.raws : unit.raws.slice(start, end),
      bySource: all ? unit.bySource : unit.bySource.map((decoded) => decoded.slice(start, end)),
      nextOffset,
      bytes,
    }
  }

  private open({ bytes, from, nextOffset }: Waiting): Promise<unknown> | undefined {
    const read = bytes === null ? [] : readBatch(bytes, Math.max(from, this.position), this.at)
    const raws = this.beforeUntil(read)
    const last = raws[raws.length - 1]
    const after =
      raws.length < read.length
        ? (read[raws.length] as RawRecord).offset
        : nextOffset >= 0
          ? nextOffset
          : last
            ? last.offset + 1
            : this.position
    const weight = raws.length > 0 ? (bytes?.length ?? 0) : 0
    if (raws.length === 0) this.queuedBytes -= bytes?.length ?? 0
    const make = () => {
      this.unit = {
        raws,
        bySource: this.sources.map((source) => source.decodeAll(raws)),
        nextOffset: after,
        bytes: weight,
        index: 0,
      }
    }
    const lookups = this.sources.map((source) => source.prepare(raws)).filter((lookup) => lookup !== undefined)
    if (lookups.length === 0) return void make()
    const preparing: Promise<unknown> = Promise.all(lookups).then(
      () => this.prepared(preparing, make),
      (thrown: unknown) => this.prepared(preparing, () => this.failAll(raws, after, weight, toError(thrown))),
    )
    return (this.preparing = preparing)
  }

  /** It may have been forgotten in the meantime. */
  private prepared(preparing: Promise<unknown>, make: () => void): void {
    if (this.preparing !== preparing) return
    this.preparing = null
    make()
  }

  private failAll(raws: readonly RawRecord[], nextOffset: number, bytes: number, error: Error): void {
    this.unit = { raws, bySource: this.sources.map(() => raws.map(() => new DecodeError(error))), nextOffset, bytes, index: 0 }
  }

  private beforeUntil(raws: readonly RawRecord[]): readonly RawRecord[] {
    const { until } = this
    if (until === null) return raws
    const end = raws.findIndex((raw) => ('offset' in until ? raw.offset >= until.offset : raw.timestamp >= until.time))
    if (end === -1) return raws
    if ('time' in until) this.stopTime = (raws[end] as RawRecord).offset
    return raws.slice(0, end)
  }

  private stopTime: number | null = null

  private finishAt(position: number): void {
    const stop = this.until && 'offset' in this.until ? this.until.offset : this.stopTime
    if (stop === null || position < stop) return
    this.isFinished = true
    this.waiting.length = 0
    this.queuedBytes = 0
  }
}

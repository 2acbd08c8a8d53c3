import type { Clock } from '../../core/clock.js'
import type { MillraceError } from '../../core/errors.js'
import type { OutRecord } from '../../core/record.js'
import { recordCount } from '../batch/header.js'
import { readBatch } from '../batch/reader.js'
import { stampProducer } from '../batch/writer.js'
import type { Delivery, TopicPartition } from '../port.js'
import { appendTo, moveAll, type OpenBatch, type Writers } from './open-batch.js'

/** As whom batches are written. Several may be in use at a time, each by partitions of its own. */
export interface ProducerId {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** What is written counts only once its transaction is committed. */
  readonly isTransactional?: boolean
}

/** Bytes that will not change: a repetition must be the same to the last one to be known as one. */
export interface SealedBatch {
  readonly bytes: Buffer
  readonly deliveries: readonly Delivery[]
  readonly origins: readonly unknown[]
  readonly since: number
  readonly weight: number
  /** Sent, and not answered in a way that says what became of it. */
  isUncertain: boolean
}

/**
 * The way of records into one partition: batches in order, one of them on its way. Its sequence number is given when it
 * leaves and moves on when it has arrived, so a refused batch can be split or dropped without a gap.
 */
export class Lane implements TopicPartition {
  private readonly waiting: OpenBatch[] = []
  private nextSequence = 0
  private identity: ProducerId | null = null
  /** What is sent next, again if need be. */
  sealed: SealedBatch[] = []
  isInFlight = false
  /** Not before this time, after a failure. */
  notBefore = 0
  delayMs = 0
  /** Since when the topic is in no metadata. */
  missingSince: number | null = null
  lastError: MillraceError | null = null
  lastOffset = -1
  /** What the topic takes, once it has refused a batch. */
  private limit: number | null = null

  constructor(
    readonly topic: string,
    readonly partition: number,
    private readonly writers: Writers,
    private readonly onSettled: (weight: number) => void,
  ) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.sealed.length === 0
  }

  /** Returns the weight of the record. */
  append(record: OutRecord, delivery: Delivery, origin: unknown, clock: Clock): number {
    return appendTo(this.waiting, record, delivery, origin, clock, this.writers, this.limit ?? undefined)
  }

  /** Takes over batches that others have begun. Returns their weight. */
  adopt(batches: readonly OpenBatch[]): number {
    const weight = batches.reduce((sum, batch) => sum + batch.weight, 0)
    moveAll(batches, this.waiting, this.writers, this.limit ?? undefined)
    return weight
  }

  /** A batch has become full and can go. */
  get isReady(): boolean {
    return this.waiting.length > 1
  }

  /** When the next batch may go: at once when it was sent before, is full, or was there at `flushedAt`. Infinity: nothing waits. */
  dueAt(lingerMs: number, flushedAt: number): number {
    if (this.isInFlight) return Infinity
    if (this.sealed.length > 0 || this.waiting.length > 1) return this.notBefore
    const first = this.waiting[0]
    if (first === undefined) return Infinity
    return first.since <= flushedAt ? this.notBefore : Math.max(this.notBefore, first.since + lingerMs)
  }

  /** What is next may no longer be written. */
  get isVoid(): boolean {
    return (this.sealed[0] ?? this.waiting[0])?.deliveries[0]?.isVoid?.() === true
  }

  /** When the oldest record has waited too long. */
  get oldestSince(): number {
    return this.sealed[0]?.since ?? this.waiting[0]?.since ?? Infinity
  }

  /** The bytes to send now, numbered; as `identity` unless the lane has one already. */
  take(identity: ProducerId): SealedBatch | null {
    const own = this.identity ?? this.startOver(identity)
    const repeated = this.sealed[0]
    if (repeated !== undefined) return repeated
    const open = this.waiting.shift()
    if (open === undefined) return null
    const bytes = open.writer.seal({ ...own, baseSequence: this.nextSequence })
    this.writers.giveBack(open.writer)
    const { deliveries, origins, since, weight } = open
    const sealed: SealedBatch = { bytes, deliveries, origins, since, weight, isUncertain: false }
    this.sealed = [sealed]
    // What was begun before the limit was known need not be refused first.
    if (this.limit !== null && bytes.length > this.limit) this.split(this.limit)
    return this.sealed[0] ?? null
  }

  /** The batch was stored. */
  arrived(baseOffset: number): void {
    const batch = this.sealed.shift()
    if (batch === undefined) return
    const count = recordCount(batch.bytes)
    this.nextSequence = wrap(this.nextSequence + count)
    // A broker that has forgotten where the repeated batch lies says -1: it lies there at the earliest.
    this.lastOffset = (baseOffset < 0 ? this.lastOffset + 1 : baseOffset) + count - 1
    this.sound()
    this.renumber()
    this.onSettled(batch.weight)
    tellDelivered(batch, this, this.lastOffset)
  }

  /** The batch was refused and is nowhere: its sequence numbers go to the next one. */
  refused(error: MillraceError): void {
    const batch = this.sealed.shift()
    this.sound()
    this.renumber()
    if (batch !== undefined) this.fail(batch, error)
  }

  /** The oldest batch will not be sent again. Where nobody knows whether it was stored, the lane needs another producer id. */
  abandoned(error: MillraceError): void {
    if (this.sealed[0]?.isUncertain === true) this.forgetIdentity()
    if (this.sealed.length > 0) return this.refused(error)
    const open = this.waiting.shift()
    if (open !== undefined) this.fail(open, error)
  }

  /** The partition's sequence is not ours to continue: the next batch begins a new one, with an id not used here before. */
  forgetIdentity(): void {
    this.identity = null
  }
  isWrittenAs(identity: ProducerId): boolean {
    return this.identity === identity
  }
  get needsIdentity(): boolean {
    return this.identity === null
  }

  /** What the topic takes: later batches are made to fit. */
  limitTo(bytes: number): void {
    this.limit = bytes
  }

  /** In halves, until they fit into `limit` or hold one record; in two where it is not known. False when it holds a single record. */
  split(limit: number | null): boolean {
    const [batch] = this.sealed
    if (batch === undefined || recordCount(batch.bytes) < 2) return false
    const parts = this.halve(batch)
    for (let at = 0; at < parts.length;) {
      const part = parts[at]
      if (part === undefined || limit === null || part.bytes.length <= limit || recordCount(part.bytes) < 2) at += 1
      else parts.splice(at, 1, ...this.halve(part))
    }
    this.sealed.splice(0, 1, ...parts)
    this.renumber()
    return true
  }

  private halve(batch: SealedBatch): SealedBatch[] {
    const records = readBatch(batch.bytes, 0, this, { verifyCrc: false })
    const middle = records.length >> 1
    const half = (from: number, to: number, weight: number): SealedBatch => {
      const writer = this.writers.take()
      for (const record of records.slice(from, to)) writer.append(record)
      const bytes = writer.seal() // numbered when all parts are there
      this.writers.giveBack(writer)
      const [deliveries, origins] = [batch.deliveries.slice(from, to), batch.origins.slice(from, to)]
      return { bytes, deliveries, origins, since: batch.since, weight, isUncertain: false }
    }
    const lighter = batch.weight >> 1
    return [half(0, middle, lighter), half(middle, records.length, batch.weight - lighter)]
  }

  /** Everything that waits has failed. */
  failAll(error: MillraceError): void {
    const failed = [...this.sealed, ...this.waiting]
    if (this.sealed[0]?.isUncertain === true) this.forgetIdentity()
    this.sealed = []
    this.waiting.length = 0
    for (const batch of failed) this.fail(batch, error)
  }

  private startOver(identity: ProducerId): ProducerId {
    this.identity = identity
    this.nextSequence = 0
    this.renumber()
    return identity
  }

  /** Sealed batches that have not been sent follow the sequence of today. */
  private renumber(): void {
    const identity = this.identity
    if (identity === null) return
    let baseSequence = this.nextSequence
    this.sealed = this.sealed.map((batch) => {
      // A copy: the old bytes may still wait in a socket.
      const bytes = Buffer.from(batch.bytes)
      stampProducer(bytes, { ...identity, baseSequence })
      baseSequence = wrap(baseSequence + recordCount(bytes))
      return { ...batch, bytes, isUncertain: false }
    })
  }

  private fail(batch: SealedBatch | OpenBatch, error: MillraceError): void {
    this.onSettled(batch.weight)
    batch.deliveries.forEach((delivery, at) => delivery.failed(error, batch.origins[at]))
  }

  private sound(): void {
    this.notBefore = 0
    this.delayMs = 0
    this.missingSince = null
    this.lastError = null
  }
}

/** Sequence numbers are int32 and go on at 0. */
const wrap = (sequence: number): number => sequence % 2_147_483_648

/** One call for a run of records with the same listener. */
const tellDelivered = ({ deliveries }: SealedBatch, at: TopicPartition, lastOffset: number): void => {
  const first = lastOffset - deliveries.length + 1
  for (let from = 0; from < deliveries.length;) {
    const delivery = deliveries[from]
    let to = from + 1
    while (to < deliveries.length && deliveries[to] === delivery) to += 1
    delivery?.delivered(to - from, at, first + to - 1)
    from = to
  }
}

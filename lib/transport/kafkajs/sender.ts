import type { Clock, Timer } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { OutRecord } from '../../core/record.js'
import type { Delivery, TopicPartition } from '../port.js'
import { batchLimitOf } from './batch-limit.js'
import type { Connections } from './connections.js'
import { broker, brokerError, isRetriable, isStaleMetadata, nameOf } from './error-codes.js'
import { isHopeless, toMillraceError } from './errors.js'
import type { Drafted } from './draft.js'
import { Lane, type ProducerId } from './lane.js'
import type { Writers } from './open-batch.js'
import { produceV7, type ProducedPart } from './requests.js'

const maxRequestBytes = 8 * 1024 * 1024
/** How long a broker may wait for its replicas. */
const replicationMs = 10_000
const backoffMs = { first: 20, most: 1000 }
const missingMs = 10_000

/** As whom a sender writes, and what becomes of what can be written no more. */
export interface Author {
  /** Null: not in a transaction. */
  readonly transactionalId: string | null
  readonly lingerMs: number
  readonly deliveryTimeoutMs: number
  /** As whom the next batch of the lane is written, if it has not begun as somebody. Null: not now; the author wakes the sender. */
  identityFor(lane: Lane): ProducerId | null
  /** The broker does not go on with the sequence of the lane, for example because the topic was purged or made anew. */
  startOver(lane: Lane, error: MillraceError): void
  /** Its oldest batch cannot be written: whatever it waits for will not come. */
  giveUp(lane: Lane, error: MillraceError): void
  note(error: MillraceError): void
}

/**
 * Records on their way to the brokers, in batches. A batch is sealed once, and the very same bytes are sent until a broker
 * has answered for them; one request at a time per broker, one batch at a time per partition. kafkajs's producer reuses the
 * sequence numbers of a send that failed, and so loses the next one silently; it also has no batching.
 */
export class Sender {
  private readonly lanes = new Map<string, Lane[]>()
  private readonly active = new Set<Lane>()
  private readonly busy = new Set<number>()
  private flushedAt = -1
  private bytes = 0
  private timer: Timer | null = null
  private timerAt = Infinity
  private isDrainComing = false
  private isRefreshing = false
  private onIdle: (() => void) | null = null
  private isClosed = false

  constructor(
    private readonly connections: Connections,
    private readonly clock: Clock,
    private readonly author: Author,
    private readonly writers: Writers,
  ) {}

  get pendingBytes(): number {
    return this.bytes
  }

  append({ topic, partition }: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    const lane = this.laneOf(topic, partition)
    this.bytes += lane.append(record, delivery, origin, this.clock)
    if (lane.isReady) this.wake()
    // Of a lane that is active already somebody thinks: a timer, or the answer to its request.
    if (this.active.has(lane)) return
    this.active.add(lane)
    this.wakeAt(this.clock.now() + this.author.lingerMs)
  }

  /** Takes over what was drafted; it does not linger. */
  adopt(drafted: readonly Drafted[]): void {
    for (const { topic, partition, batches } of drafted) {
      const lane = this.laneOf(topic, partition)
      this.bytes += lane.adopt(batches)
      this.active.add(lane)
    }
    this.flush()
  }

  /** Sends what waits without lingering. */
  flush(): void {
    this.flushedAt = this.clock.now()
    this.wake()
  }

  /** Partitions with records that are not acknowledged. */
  get waiting(): readonly Lane[] {
    return [...this.active].filter((lane) => !lane.isEmpty)
  }

  /** Sends what waits; resolves when all is acknowledged or has failed. */
  async drained(): Promise<void> {
    this.flush()
    const idle = new Promise<void>((resolve) => (this.onIdle = resolve))
    this.drain()
    await idle
  }

  /** What has not been acknowledged fails. */
  failAll(error: MillraceError): void {
    for (const lane of this.active) lane.failAll(error)
    this.active.clear()
    this.onIdle?.()
  }

  /** Sends nothing more; what was on its way is told nothing. */
  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  private laneOf(topic: string, partition: number): Lane {
    let lanes = this.lanes.get(topic)
    if (lanes === undefined) {
      lanes = []
      this.lanes.set(topic, lanes)
      this.connections.addTopics([topic]).then(
        () => this.wake(),
        // Without a leader the lane waits, and metadata is read again.
        (error: unknown) => this.author.note(toMillraceError(error, `looking for topic ${topic}`)),
      )
    }
    return (lanes[partition] ??= new Lane(topic, partition, this.writers, (weight) => (this.bytes -= weight)))
  }

  /* ------------------------------------------------------------ when to send */

  /** Looks again at what can be sent. */
  wake(): void {
    if (this.isDrainComing) return
    this.isDrainComing = true
    queueMicrotask(() => {
      this.isDrainComing = false
      this.drain()
    })
  }

  private wakeAt(time: number): void {
    if (time >= this.timerAt || time === Infinity || this.isClosed) return
    this.timer?.cancel()
    this.timerAt = time
    this.timer = this.clock.after(Math.max(0, time - this.clock.now()), () => {
      this.timer = null
      this.timerAt = Infinity
      this.drain()
    })
  }

  /** Sends what is due to every broker that has no request of ours. */
  private drain(): void {
    if (this.isClosed) return
    const now = this.clock.now()
    const due = new Map<number, Lane[]>()
    let next = Infinity
    for (const lane of this.active) {
      if (!lane.isInFlight && now - lane.oldestSince >= this.author.deliveryTimeoutMs) this.expire(lane)
      while (!lane.isInFlight && lane.isVoid) this.author.giveUp(lane, overtaken(lane))
      if (lane.isEmpty) {
        this.active.delete(lane)
        continue
      }
      const dueAt = lane.dueAt(this.author.lingerMs, this.flushedAt)
      next = Math.min(next, dueAt > now ? dueAt : Infinity, lane.isInFlight ? Infinity : lane.oldestSince + this.author.deliveryTimeoutMs)
      if (dueAt > now || this.author.identityFor(lane) === null) continue
      const leader = this.connections.leaderOf(lane)
      if (leader === null) next = Math.min(next, this.missing(lane, now))
      else if (!this.busy.has(leader)) due.set(leader, [...(due.get(leader) ?? []), lane])
    }
    for (const [leader, lanes] of due) void this.send(leader, lanes)
    this.wakeAt(next)
    if (this.active.size === 0) this.onIdle?.()
  }

  private expire(lane: Lane): void {
    const what = `no broker has stored a record for ${lane.topic}-${lane.partition} in ${this.author.deliveryTimeoutMs} ms`
    this.author.giveUp(lane, new MillraceError('MR_TIMEOUT', what, { cause: lane.lastError ?? undefined }))
  }

  /** No leader: metadata is read again, and a topic that stays away is given up. Returns when to look again. */
  private missing(lane: Lane, now: number): number {
    if (this.connections.partitionsOf(lane.topic) > lane.partition) lane.missingSince = null
    else lane.missingSince ??= now
    if (lane.missingSince !== null && now - lane.missingSince > missingMs) {
      const error = new MillraceError('MR_TOPIC_MISSING', `there is no ${lane.topic}-${lane.partition} to write to`)
      this.author.giveUp(lane, error)
      lane.failAll(error)
    }
    this.delay(lane, now)
    this.refreshSoon()
    return lane.notBefore
  }

  private delay(lane: Lane, now: number): void {
    lane.delayMs = Math.min(Math.max(lane.delayMs * 2, backoffMs.first), backoffMs.most)
    lane.notBefore = now + lane.delayMs
  }

  private refreshSoon(): void {
    if (this.isRefreshing) return
    this.isRefreshing = true
    this.connections
      .refresh()
      .catch((error: unknown) => this.author.note(toMillraceError(error, 'reading metadata')))
      .finally(() => {
        this.isRefreshing = false
        this.wake()
      })
  }

  /* ------------------------------------------------------------------ sending */

  private async send(leader: number, lanes: readonly Lane[]): Promise<void> {
    const parts: { lane: Lane; topic: string; partition: number; batch: Buffer }[] = []
    let size = 0
    for (const lane of lanes) {
      if (size >= maxRequestBytes) break
      const identity = this.author.identityFor(lane)
      const batch = identity && lane.take(identity)
      if (batch === null) continue
      size += batch.bytes.length
      lane.isInFlight = true
      parts.push({ lane, topic: lane.topic, partition: lane.partition, batch: batch.bytes })
      // Last in line next time, so that none starves behind large ones.
      this.active.delete(lane)
      this.active.add(lane)
    }
    this.busy.add(leader)
    const answers = await this.connections
      .sendTo(leader, produceV7(parts, replicationMs, this.author.transactionalId))
      .catch((error: unknown) => toMillraceError(error, `producing to broker ${leader}`))
    this.busy.delete(leader)
    if (this.isClosed) return
    for (const { lane } of parts) {
      lane.isInFlight = false
      if (answers instanceof MillraceError) this.unanswered(lane, answers)
      else
        this.answered(
          lane,
          answers.find((part) => part.topic === lane.topic && part.partition === lane.partition),
        )
    }
    this.drain()
  }

  /** The batch may have been stored, or not: it is sent again as it is. */
  private unanswered(lane: Lane, error: MillraceError): void {
    const head = lane.sealed[0]
    if (head !== undefined) head.isUncertain = true
    lane.lastError = error
    this.author.note(error)
    if (isHopeless(error)) return this.author.giveUp(lane, error)
    this.delay(lane, this.clock.now())
    this.refreshSoon()
  }

  private answered(lane: Lane, answer: ProducedPart | undefined): void {
    const code = answer?.errorCode ?? broker.unknown
    if (code === broker.none || code === broker.duplicateSequence) return lane.arrived(answer?.baseOffset ?? -1)
    const what = `writing to ${lane.topic}-${lane.partition}`
    const error = brokerError(code, what)
    if (isTooLarge(code)) return void this.makeFit(lane)
    if (blamesOneRecord.has(code)) {
      if (!lane.split(null))
        lane.refused(
          error.code === 'MR_KAFKA' ? new MillraceError('MR_PRODUCE', `${what}: the broker refuses the record`, { cause: error }) : error,
        )
      return
    }
    lane.lastError = error
    if (forgetsProducer.has(code)) {
      this.author.note(error)
      this.author.startOver(lane, error)
    } else if (isRetriable(code)) {
      const head = lane.sealed[0]
      if (head !== undefined && mayHaveStored.has(code)) head.isUncertain = true
      this.author.note(error)
      this.delay(lane, this.clock.now())
      if (isStaleMetadata(code)) this.refreshSoon()
    } else {
      this.author.giveUp(
        lane,
        error.code === 'MR_AUTHORIZATION' ? error : new MillraceError('MR_PRODUCE', `${what}: ${nameOf(code)}`, { cause: error }),
      )
    }
  }

  /** The lane rests until it is known what its topic takes. */
  private async makeFit(lane: Lane): Promise<void> {
    lane.isInFlight = true
    const limit = await batchLimitOf(this.connections, lane.topic)
    lane.isInFlight = false
    if (this.isClosed) return
    if (limit !== null) lane.limitTo(limit)
    const size = lane.sealed[0]?.bytes.length ?? 0
    if (!lane.split(limit)) lane.refused(tooLarge(lane, size, limit))
    this.drain()
  }
}

const tooLarge = ({ topic, partition }: Lane, size: number, limit: number | null): MillraceError => {
  const allowed = limit === null ? 'the topic allows' : `max.message.bytes of the topic allows, ${limit}`
  return new MillraceError('MR_RECORD_TOO_LARGE', `writing to ${topic}-${partition}: a record takes ${size} bytes, more than ${allowed}`)
}

const overtaken = ({ topic, partition }: Lane): MillraceError =>
  new MillraceError('MR_FENCED', `records for ${topic}-${partition} are no longer to be written`)

const isTooLarge = (code: number): boolean => code === broker.messageTooLarge || code === broker.recordListTooLarge
const blamesOneRecord = new Set<number>([broker.invalidTimestamp, broker.invalidRecord])
const forgetsProducer = new Set<number>([broker.outOfOrderSequence, broker.unknownProducer, broker.invalidProducerEpoch])
const mayHaveStored = new Set<number>([
  broker.unknown,
  broker.requestTimedOut,
  broker.networkException,
  broker.notEnoughReplicasAfterAppend,
])

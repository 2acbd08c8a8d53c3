import type { Clock, Timer } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { OutRecord } from '../../core/record.js'
import { BatchWriter } from '../batch/writer.js'
import type { Delivery, Producer, ProducerOptions, TopicPartition } from '../port.js'
import { Connections } from './connections.js'
import { broker, brokerError, isRetriable, isStaleMetadata, nameOf } from './error-codes.js'
import { isHopeless, toMillraceError } from './errors.js'
import type { KafkaSettings } from './internals.js'
import { Lane, type ProducerId } from './lane.js'
import { askForProducerId } from './producer-id.js'
import { produceV7, type ProducedPart } from './requests.js'

const maxRequestBytes = 8 * 1024 * 1024
/** How long a broker may wait for its replicas. */
const replicationMs = 10_000
const backoffMs = { first: 20, most: 1000 }
const missingMs = 10_000
const initMs = 15_000
const maxSpareWriters = 64

/**
 * An idempotent producer of our own on kafkajs's connections. kafkajs's one reuses the sequence numbers of a send that
 * failed, and so loses the next one silently; it also has no batching. Here a batch is sealed once, and the very same bytes
 * are sent until a broker has answered for them; one request at a time per broker, one batch at a time per partition.
 */
export class KafkaProducer implements Producer {
  private readonly lanes = new Map<string, Lane[]>()
  private readonly active = new Set<Lane>()
  private readonly busy = new Set<number>()
  private readonly spareWriters: BatchWriter[] = []
  private readonly lingerMs: number
  private readonly deliveryTimeoutMs: number
  private identity: ProducerId | null = null
  private isInitialising = false
  private flushedAt = -1
  private bytes = 0
  private timer: Timer | null = null
  private timerAt = Infinity
  private isDrainComing = false
  private isRefreshing = false
  private closing: Promise<void> | null = null
  private onIdle: (() => void) | null = null
  private isClosed = false

  private constructor(
    private readonly connections: Connections,
    private readonly clock: Clock,
    private readonly kafka: KafkaSettings,
    options: ProducerOptions,
    private readonly onClose: (producer: KafkaProducer) => void,
  ) {
    this.lingerMs = options.lingerMs ?? 5
    this.deliveryTimeoutMs = options.deliveryTimeoutMs ?? 120_000
  }

  /** Connected, and known to the brokers. */
  static async open(
    kafka: KafkaSettings,
    clock: Clock,
    options: ProducerOptions,
    onClose: (producer: KafkaProducer) => void,
  ): Promise<KafkaProducer> {
    const connections = Connections.capture(kafka, clock)
    await connections.connect()
    const producer = new KafkaProducer(connections, clock, kafka, options, onClose)
    try {
      await producer.initialise(clock.now() + initMs)
    } catch (error) {
      await connections.close()
      throw error
    }
    return producer
  }

  get pendingBytes(): number {
    return this.bytes
  }

  append({ topic, partition }: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    const lane = this.laneOf(topic, partition)
    if (this.isClosed || this.closing !== null) return this.refuseLater(delivery, origin)
    this.bytes += lane.append(record, delivery, origin, this.clock, this.newWriter)
    if (lane.isReady) this.drainSoon()
    // Of a lane that is active already somebody thinks: a timer, or the answer to its request.
    if (this.active.has(lane)) return
    this.active.add(lane)
    this.wakeAt(this.clock.now() + this.lingerMs)
  }

  flush(): void {
    this.flushedAt = this.clock.now()
    this.drainSoon()
  }

  close(): Promise<void> {
    this.closing ??= this.drainAndClose()
    return this.closing
  }

  /** Fails what has not been acknowledged, and closes. */
  async abort(): Promise<void> {
    const error = new MillraceError('MR_APP_STOPPED', 'the transport was closed before the record was acknowledged')
    for (const lane of this.active) lane.failAll(error)
    this.active.clear()
    this.onIdle?.()
    await this.close()
  }

  private async drainAndClose(): Promise<void> {
    this.flush()
    const idle = new Promise<void>((resolve) => (this.onIdle = resolve))
    this.drain()
    await idle
    this.isClosed = true
    this.timer?.cancel()
    await this.connections.close()
    this.onClose(this)
  }

  private readonly newWriter = (): BatchWriter => this.spareWriters.pop() ?? new BatchWriter()
  private readonly recycle = (writer: BatchWriter): void => {
    if (this.spareWriters.length < maxSpareWriters) this.spareWriters.push(writer)
  }

  private laneOf(topic: string, partition: number): Lane {
    let lanes = this.lanes.get(topic)
    if (lanes === undefined) {
      lanes = []
      this.lanes.set(topic, lanes)
      this.connections.addTopics([topic]).then(
        () => this.drainSoon(),
        // Without a leader the lane waits, and metadata is read again.
        (error: unknown) => this.note(toMillraceError(error, `looking for topic ${topic}`)),
      )
    }
    return (lanes[partition] ??= new Lane(topic, partition, (weight) => (this.bytes -= weight)))
  }

  private refuseLater(delivery: Delivery, origin: unknown): void {
    queueMicrotask(() => delivery.failed(new MillraceError('MR_APP_STOPPED', 'the producer is closed'), origin))
  }

  /* ------------------------------------------------------------ when to send */

  private drainSoon(): void {
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
      if (!lane.isInFlight && now - lane.oldestSince >= this.deliveryTimeoutMs) this.expire(lane)
      if (lane.isEmpty) {
        this.active.delete(lane)
        continue
      }
      const dueAt = lane.dueAt(this.lingerMs, this.flushedAt)
      next = Math.min(next, dueAt > now ? dueAt : Infinity, lane.isInFlight ? Infinity : lane.oldestSince + this.deliveryTimeoutMs)
      if (dueAt > now) continue
      const leader = this.connections.leaderOf(lane)
      if (leader === null) next = Math.min(next, this.missing(lane, now))
      else if (!this.busy.has(leader)) due.set(leader, [...(due.get(leader) ?? []), lane])
    }
    if (this.identity === null && due.size > 0) this.initialiseSoon()
    else for (const [leader, lanes] of due) void this.send(leader, lanes)
    this.wakeAt(next)
    if (this.active.size === 0) this.onIdle?.()
  }

  private expire(lane: Lane): void {
    const what = `no broker has stored a record for ${lane.topic}-${lane.partition} in ${this.deliveryTimeoutMs} ms`
    this.renewIfUncertain(lane)
    lane.abandoned(new MillraceError('MR_TIMEOUT', what, { cause: lane.lastError ?? undefined }))
  }

  /** No leader: metadata is read again, and a topic that stays away is given up. Returns when to look again. */
  private missing(lane: Lane, now: number): number {
    if (this.connections.partitionsOf(lane.topic) > lane.partition) lane.missingSince = null
    else lane.missingSince ??= now
    if (lane.missingSince !== null && now - lane.missingSince > missingMs) {
      this.renewIfUncertain(lane)
      lane.failAll(new MillraceError('MR_TOPIC_MISSING', `there is no ${lane.topic}-${lane.partition} to write to`))
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
      .catch((error: unknown) => this.note(toMillraceError(error, 'reading metadata')))
      .finally(() => {
        this.isRefreshing = false
        this.drainSoon()
      })
  }

  /* ------------------------------------------------------------------ sending */

  private async send(leader: number, lanes: readonly Lane[]): Promise<void> {
    const { identity } = this
    if (identity === null) return
    const parts: { lane: Lane; topic: string; partition: number; batch: Buffer }[] = []
    let size = 0
    for (const lane of lanes) {
      if (size >= maxRequestBytes) break
      const batch = lane.take(identity, this.recycle)
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
      .sendTo(leader, produceV7(parts, replicationMs))
      .catch((error: unknown) => toMillraceError(error, `producing to broker ${leader}`))
    this.busy.delete(leader)
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
    this.note(error)
    if (isHopeless(error)) {
      this.renewIfUncertain(lane)
      return lane.abandoned(error)
    }
    this.delay(lane, this.clock.now())
    this.refreshSoon()
  }

  private answered(lane: Lane, answer: ProducedPart | undefined): void {
    const code = answer?.errorCode ?? broker.unknown
    if (code === broker.none || code === broker.duplicateSequence) return lane.arrived(answer?.baseOffset ?? -1)
    const what = `writing to ${lane.topic}-${lane.partition}`
    const error = brokerError(code, what)
    if (blamesOneRecord.has(code)) {
      if (!lane.split())
        lane.refused(
          error.code === 'MR_KAFKA' ? new MillraceError('MR_PRODUCE', `${what}: the broker refuses the record`, { cause: error }) : error,
        )
      return
    }
    lane.lastError = error
    if (forgetsProducer.has(code)) {
      // The broker does not go on with our sequence, for example because the topic was purged or made anew.
      this.note(error)
      this.renewIdentity(lane)
      lane.forgetIdentity()
    } else if (isRetriable(code)) {
      const head = lane.sealed[0]
      if (head !== undefined && mayHaveStored.has(code)) head.isUncertain = true
      this.note(error)
      this.delay(lane, this.clock.now())
      if (isStaleMetadata(code)) this.refreshSoon()
    } else {
      lane.refused(
        error.code === 'MR_AUTHORIZATION' ? error : new MillraceError('MR_PRODUCE', `${what}: ${nameOf(code)}`, { cause: error }),
      )
    }
  }

  /* ----------------------------------------------------------------- identity */

  /** A lane that needs an id gets one it has not used. */
  private renewIdentity(lane: Lane): void {
    if (this.identity !== null && lane.isWrittenAs(this.identity)) this.identity = null
  }

  private renewIfUncertain(lane: Lane): void {
    if (lane.sealed[0]?.isUncertain === true) this.renewIdentity(lane)
  }

  private initialiseSoon(): void {
    if (this.isInitialising) return
    this.isInitialising = true
    this.initialise(Infinity)
      .catch((error: unknown) => this.note(toMillraceError(error, 'asking for a producer id')))
      .finally(() => {
        this.isInitialising = false
        this.drainSoon()
      })
  }

  private async initialise(giveUpAt: number): Promise<void> {
    this.identity = await askForProducerId(this.connections, this.clock, {
      giveUpAt,
      isOver: () => this.isClosed,
      note: (error) => this.note(error),
    })
  }

  private note(error: MillraceError): void {
    this.kafka.log('info', error.message, {})
  }
}

const blamesOneRecord = new Set<number>([broker.messageTooLarge, broker.recordListTooLarge, broker.invalidTimestamp, broker.invalidRecord])
const forgetsProducer = new Set<number>([broker.outOfOrderSequence, broker.unknownProducer, broker.invalidProducerEpoch])
const mayHaveStored = new Set<number>([
  broker.unknown,
  broker.requestTimedOut,
  broker.networkException,
  broker.notEnoughReplicasAfterAppend,
])

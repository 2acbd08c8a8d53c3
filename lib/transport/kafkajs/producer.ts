import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { OutRecord } from '../../core/record.js'
import { BatchWriter } from '../batch/writer.js'
import type { Delivery, Producer, ProducerOptions, TopicPartition } from '../port.js'
import { Connections } from './connections.js'
import { toMillraceError } from './errors.js'
import type { KafkaSettings } from './internals.js'
import type { Lane, ProducerId } from './lane.js'
import { Writers } from './open-batch.js'
import { askForProducerId } from './producer-id.js'
import { Sender, type Author } from './sender.js'

const initMs = 15_000

/** An idempotent producer. Whatever a retry repeats is stored once; nothing orders it with the commits of a group. */
export class KafkaProducer implements Producer, Author {
  readonly transactionalId = null
  readonly lingerMs: number
  readonly deliveryTimeoutMs: number
  private readonly sender: Sender
  private identity: ProducerId | null = null
  private isInitialising = false
  private isClosed = false
  private closing: Promise<void> | null = null

  private constructor(
    private readonly connections: Connections,
    private readonly clock: Clock,
    private readonly kafka: KafkaSettings,
    options: ProducerOptions,
    private readonly onClose: (producer: KafkaProducer) => void,
  ) {
    this.lingerMs = options.lingerMs ?? 5
    this.deliveryTimeoutMs = options.deliveryTimeoutMs ?? 120_000
    this.sender = new Sender(connections, clock, this, new Writers(() => new BatchWriter(kafka.compression)))
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
    return this.sender.pendingBytes
  }

  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    if (this.closing === null) return this.sender.append(at, record, delivery, origin)
    queueMicrotask(() => delivery.failed(new MillraceError('MR_APP_STOPPED', 'the producer is closed'), origin))
  }

  flush(): void {
    this.sender.flush()
  }

  close(): Promise<void> {
    this.closing ??= this.drainAndClose()
    return this.closing
  }

  /** Fails what has not been acknowledged, and closes. */
  async abort(): Promise<void> {
    this.sender.failAll(new MillraceError('MR_APP_STOPPED', 'the transport was closed before the record was acknowledged'))
    await this.close()
  }

  private async drainAndClose(): Promise<void> {
    await this.sender.drained()
    this.isClosed = true
    this.sender.close()
    await this.connections.close()
    this.onClose(this)
  }

  /* ------------------------------------------------------------------ as author */

  identityFor(): ProducerId | null {
    if (this.identity === null) this.initialiseSoon()
    return this.identity
  }

  startOver(lane: Lane): void {
    this.renewIdentity(lane)
    lane.forgetIdentity()
  }

  giveUp(lane: Lane, error: MillraceError): void {
    if (lane.sealed[0]?.isUncertain === true) this.renewIdentity(lane)
    lane.abandoned(error)
  }

  note(error: MillraceError): void {
    this.kafka.log('info', error.message, {})
  }

  /** A lane that needs an id gets one it has not used. */
  private renewIdentity(lane: Lane): void {
    if (this.identity !== null && lane.isWrittenAs(this.identity)) this.identity = null
  }

  private initialiseSoon(): void {
    if (this.isInitialising) return
    this.isInitialising = true
    this.initialise(Infinity)
      .catch((error: unknown) => this.note(toMillraceError(error, 'asking for a producer id')))
      .finally(() => {
        this.isInitialising = false
        this.sender.wake()
      })
  }

  private async initialise(giveUpAt: number): Promise<void> {
    this.identity = await askForProducerId(this.connections, this.clock, {
      giveUpAt,
      isOver: () => this.isClosed,
      note: (error) => this.note(error),
    })
  }
}

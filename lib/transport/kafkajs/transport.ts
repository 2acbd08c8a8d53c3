import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import { codecOf } from '../batch/codecs.js'
import type { Compression } from '../batch/compression.js'
import type {
  GroupListener,
  GroupOptions,
  Member,
  NewTopic,
  OffsetSpec,
  PartitionOffset,
  Producer,
  ProducerOptions,
  Reader,
  TopicInfo,
  TopicPartition,
  TransactionalProducer,
  TransactionOptions,
  Transport,
  TroubleListener,
} from '../port.js'
import { Admin } from './admin.js'
import { Connections } from './connections.js'
import type { KafkaLog, KafkaSettings } from './internals.js'
import { Membership } from './membership.js'
import { KafkaProducer } from './producer.js'
import { Readers } from './reader.js'
import { KafkaTransactionalProducer } from './transactional-producer.js'

export interface KafkaTransportOptions {
  readonly brokers: readonly string[]
  /** Anything kafkajs's `new Kafka` takes: ssl, sasl, socketFactory, connectionTimeout, requestTimeout, retry ... */
  readonly kafka?: Readonly<Record<string, unknown>>
  readonly clientId: string
  /** Of all batches that are written. Default 'none'. */
  readonly compression?: Compression
  readonly clock: Clock
  /** Hears of what is dealt with: reconnects, leader changes. */
  readonly logger?: TransportLogger
  readonly onTrouble?: TroubleListener
}
export interface TransportLogger {
  debug(details: object, message?: string): void
  info(details: object, message?: string): void
  warn(details: object, message?: string): void
}

/**
 * A Kafka cluster through kafkajs 2.2.4: its connections, its authentication and its group protocol; the rest is ours.
 * Throws `MR_COMPRESSION` where what is to compress with is not available.
 */
export const kafkaTransport = ({
  brokers,
  kafka = {},
  clientId,
  compression = 'none',
  clock,
  logger,
  onTrouble,
}: KafkaTransportOptions): Transport => {
  if (brokers.length === 0) throw new MillraceError('MR_CONFIG', '`brokers` is empty')
  const log: KafkaLog = (level, message, details) => logger?.[level](details, message)
  if (compression !== 'none') codecOf(compression)
  return new KafkaTransport({ brokers, kafka, clientId, compression, log, trouble: (trouble) => onTrouble?.(trouble) }, clock)
}

class KafkaTransport implements Transport {
  private opening: Promise<Admin> | null = null
  private connections: Connections | null = null
  private readonly members = new Set<Membership>()
  private readonly readers: Readers
  private readonly producers = new Set<KafkaProducer>()
  private readonly transactional = new Set<KafkaTransactionalProducer>()
  private closing: Promise<void> | null = null

  constructor(
    private readonly settings: KafkaSettings,
    private readonly clock: Clock,
  ) {
    this.readers = new Readers(settings, clock)
  }

  async describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicInfo>> {
    return (await this.admin()).describeTopics(names)
  }
  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    return (await this.admin()).createTopics(topics)
  }
  async listOffsets(partitions: readonly TopicPartition[], at: OffsetSpec): Promise<readonly PartitionOffset[]> {
    return (await this.admin()).listOffsets(partitions, at)
  }
  async deleteRecords(offsets: readonly PartitionOffset[]): Promise<void> {
    return (await this.admin()).deleteRecords(offsets)
  }

  async join(options: GroupOptions, listener: GroupListener): Promise<Member> {
    this.requireOpen()
    const endForgotten = (groupId: string): void => {
      for (const producer of this.transactional) producer.endForgotten(groupId)
    }
    const onEnd = () => this.members.delete(membership)
    const membership: Membership = new Membership(this.settings, options, listener, this.clock, endForgotten, onEnd)
    this.members.add(membership)
    return membership.join()
  }
  read(from: readonly PartitionOffset[]): Reader {
    this.requireOpen()
    return this.readers.read(from)
  }
  async producer(options: ProducerOptions = {}): Promise<Producer> {
    this.requireOpen()
    const producer = await KafkaProducer.open(this.settings, this.clock, options, (closed) => this.producers.delete(closed))
    this.producers.add(producer)
    return producer
  }
  async transactionalProducer(options: TransactionOptions): Promise<TransactionalProducer> {
    this.requireOpen()
    const closed = (producer: KafkaTransactionalProducer) => this.transactional.delete(producer)
    const producer = await KafkaTransactionalProducer.open(this.settings, this.clock, options, closed)
    this.transactional.add(producer)
    return producer
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll()
    return this.closing
  }

  private async closeAll(): Promise<void> {
    await Promise.all([
      ...[...this.members].map((member) => member.leave(1000)),
      this.readers.close(),
      ...[...this.producers].map((producer) => producer.abort()),
      ...[...this.transactional].map((producer) => producer.close()),
    ])
    await this.opening?.catch(() => undefined)
    await this.connections?.close()
  }

  /** Connected with the first use; tried again after a failure. */
  private admin(): Promise<Admin> {
    this.requireOpen()
    this.opening ??= this.openAdmin().catch((error: unknown) => {
      this.opening = null
      throw error
    })
    return this.opening
  }

  private async openAdmin(): Promise<Admin> {
    const connections = Connections.capture(this.settings, this.clock)
    await connections.connect()
    this.connections = connections
    return new Admin(connections, this.clock)
  }

  private requireOpen(): void {
    if (this.closing !== null) throw new MillraceError('MR_APP_STOPPED', 'the transport is closed')
  }
}

import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { TopicPartition } from '../port.js'
import { isStaleMetadata } from './error-codes.js'
import { toMillraceError } from './errors.js'
import {
  captureCluster,
  type KafkaJsBroker,
  type KafkaJsCluster,
  type KafkaJsConnection,
  type KafkaSettings,
  type Metadata,
  type PartitionMetadata,
} from './internals.js'
import { metadataV6, type Request } from './requests.js'
import { WireReader } from './wire.js'
import { within } from './within.js'

const connectMs = 15_000

/** The brokers of a cluster over kafkajs's sockets, and who leads what. Each user has its own, so its own sockets. */
export class Connections {
  private refreshing: Promise<void> | null = null
  private leadersOf: Metadata | null = null
  private byTopic: ReadonlyMap<string, readonly number[]> = new Map()

  constructor(
    readonly cluster: KafkaJsCluster,
    private readonly clock: Clock,
  ) {
    const { brokerPool } = cluster
    const createBroker = brokerPool.createBroker.bind(brokerPool)
    brokerPool.createBroker = (options) => {
      const broker = createBroker(options)
      broker.connectionPool.pool.forEach((connection) => this.mend(connection))
      return this.withOwnMetadata(broker)
    }
  }

  static capture(settings: KafkaSettings, clock: Clock): Connections {
    return new Connections(captureCluster(settings), clock)
  }

  /** Rejects with `MR_BROKER_UNREACHABLE` within 15 s, with `MR_AUTHENTICATION` at once. */
  async connect(): Promise<void> {
    try {
      const outcome = await within(
        this.clock,
        connectMs,
        this.cluster.connect().then(() => this.refresh()),
      )
      if (outcome === 'late') throw new MillraceError('MR_BROKER_UNREACHABLE', `no broker has answered within ${connectMs / 1000} s`)
    } catch (error) {
      await within(this.clock, 1000, this.close())
      throw toMillraceError(error, 'connecting to Kafka')
    }
  }

  /** Makes leaders of these topics known; a topic that does not exist stays unknown. */
  async addTopics(topics: readonly string[]): Promise<void> {
    topics.forEach((topic) => this.cluster.targetTopics.add(topic))
    const isKnown = () => topics.every((topic) => this.partitionsOf(topic) > 0)
    if (isKnown()) return
    // A refresh that is under way may have been asked for before these topics were added.
    await this.refreshing?.catch(() => undefined)
    if (!isKnown()) await this.refresh()
  }

  /** Reads metadata again; callers at the same time share one request. */
  refresh(): Promise<void> {
    this.refreshing ??= this.cluster.refreshMetadata().finally(() => (this.refreshing = null))
    return this.refreshing
  }

  /** 0: no such topic. */
  partitionsOf(topic: string): number {
    return this.leaders().get(topic)?.length ?? 0
  }

  /** Null while nobody leads it. */
  leaderOf({ topic, partition }: TopicPartition): number | null {
    const leader = this.leaders().get(topic)?.[partition] ?? -1
    return leader < 0 ? null : leader
  }

  /** By topic and partition; made once for each reading of metadata, for it is asked for every fetch. */
  private leaders(): ReadonlyMap<string, readonly number[]> {
    const { metadata } = this.cluster.brokerPool
    if (metadata !== this.leadersOf) {
      this.leadersOf = metadata
      this.byTopic = new Map(metadata?.topicMetadata.map(({ topic, partitionMetadata }) => [topic, leadersByPartition(partitionMetadata)]))
    }
    return this.byTopic
  }

  async sendTo<A>(nodeId: number, request: Request<A>): Promise<A> {
    return this.send(await this.cluster.findBroker({ nodeId: String(nodeId) }), request)
  }

  async sendToAny<A>(request: Request<A>): Promise<A> {
    return this.send(await this.cluster.brokerPool.findConnectedBroker(), request)
  }

  async sendToController<A>(request: Request<A>): Promise<A> {
    return this.send(await this.cluster.findControllerBroker(), request)
  }

  async send<A>(broker: KafkaJsBroker, request: Request<A>): Promise<A> {
    let answer: { readonly value: A } | null = null
    const { apiKey, apiVersion, apiName, body } = request
    await broker.connectionPool.send({
      request: { apiKey, apiVersion, apiName, encode: () => Promise.resolve({ buf: body, buffer: body, size: () => body.length }) },
      response: {
        decode: (payload) => {
          answer = { value: request.decode(new WireReader(payload)) }
          return Promise.resolve({})
        },
        parse: (decoded) => Promise.resolve(decoded),
      },
      ...(request.waitMs === undefined ? {} : { requestTimeout: request.waitMs + 5000 }),
      logResponseError: false,
    })
    // Assigned in the callback above, which the compiler does not see.
    const decoded = answer as { readonly value: A } | null
    if (decoded === null) throw new MillraceError('MR_KAFKA', `${apiName} was answered without a response`)
    return decoded.value
  }

  async close(): Promise<void> {
    // The sockets are gone either way.
    await this.cluster.disconnect().catch(() => undefined)
  }

  /** kafkajs opens two sockets for one connection when two requests find it closed at the same time, and writes to the wrong one. */
  private mend(connection: KafkaJsConnection): void {
    const connect = connection.connect.bind(connection)
    let running: Promise<unknown> | null = null
    connection.connect = () => {
      // Its promise stays open when the other end hangs up before the connection stands.
      running ??= within(this.clock, connectMs, connect())
        .then((outcome) => {
          if (outcome === 'late') throw new MillraceError('MR_BROKER_UNREACHABLE', 'a broker has accepted a connection and hung up')
        })
        .finally(() => (running = null))
      return running
    }
    // It is told again and again while a broker is away, and each time leaves a listener on the dead socket.
    const disconnect = connection.disconnect.bind(connection)
    connection.disconnect = () => (running !== null || connection.isConnected() ? disconnect() : Promise.resolve(true))
  }

  /** kafkajs fails a whole refresh for one topic that is missing or without a leader; here it is just not among the answers. */
  private withOwnMetadata(broker: KafkaJsBroker): KafkaJsBroker {
    broker.metadata = async (topics = []): Promise<Metadata> => {
      const metadata = await this.send(broker, metadataV6(topics))
      return {
        ...metadata,
        topicMetadata: metadata.topicMetadata.filter(({ topicErrorCode }) => topicErrorCode === 0 || isLeaderless(topicErrorCode)),
      }
    }
    return broker
  }
}

const leadersByPartition = (partitions: readonly PartitionMetadata[]): readonly number[] => {
  const leaders: number[] = []
  for (const { partitionId, leader } of partitions) leaders[partitionId] = leader
  return leaders
}

const unknownTopic = 3
const isLeaderless = (code: number): boolean => code !== unknownTopic && isStaleMetadata(code)

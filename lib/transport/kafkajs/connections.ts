import { sleep, type Clock } from '../../core/clock.js'
import { MillraceError, toError } from '../../core/errors.js'
import type { TroubleKind } from '../../core/telemetry.js'
import type { TopicPartition } from '../port.js'
import { preferBrokers } from './broker-choice.js'
import { brokerError, isStaleMetadata } from './error-codes.js'
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
import { cutOff, HungUp, mend } from './mended.js'
import { findCoordinatorV2, type Coordinates } from './group-requests.js'
import { metadataV6, type Request } from './requests.js'
import { Vigil, type Watched } from './vigil.js'
import { WireReader } from './wire.js'
import { within } from './within.js'

const connectMs = 15_000
const closeMs = 1000
const missingMs = 2000
const longestAnswerMs = 30_000
const fetchKey = 1

/** The brokers of a cluster over kafkajs's sockets, and who leads what. Each user has its own, so its own sockets. */
export class Connections {
  private readonly vigil: Vigil
  private readonly known = new Set<KafkaJsConnection>()
  private isClosed = false
  private refreshing: Promise<void> | null = null
  private leadersOf: Metadata | null = null
  private byTopic: ReadonlyMap<string, readonly number[]> = new Map()

  constructor(
    readonly cluster: KafkaJsCluster,
    private readonly settings: KafkaSettings,
    private readonly clock: Clock,
  ) {
    const requestTimeoutMs = Number(settings.kafka['requestTimeout'] ?? longestAnswerMs)
    this.vigil = new Vigil(clock, requestTimeoutMs, settings.trouble, (message) => settings.log('info', message, {}))
    preferBrokers(cluster, ({ connectionPool }) => connectionPool.pool.some((connection) => this.vigil.isSuspect(connection)))
    const { brokerPool } = cluster
    const createBroker = brokerPool.createBroker.bind(brokerPool)
    brokerPool.createBroker = (options) => {
      const broker = createBroker(options)
      for (const connection of broker.connectionPool.pool) {
        mend(connection, clock, (error) => this.told('connection', error))
        this.known.add(connection)
      }
      return this.withOwnMetadata(broker)
    }
  }

  static capture(settings: KafkaSettings, clock: Clock): Connections {
    return new Connections(captureCluster(settings), settings, clock)
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

  /** As `addTopics`; rejects with `MR_TOPIC_MISSING`. Somebody may have created them a moment ago, and not every broker has heard of it. */
  async requireTopics(topics: readonly string[]): Promise<void> {
    const giveUpAt = this.clock.now() + missingMs
    for (;;) {
      await this.addTopics(topics)
      const missing = topics.find((topic) => this.partitionsOf(topic) === 0)
      if (missing === undefined) return
      if (this.clock.now() > giveUpAt) throw new MillraceError('MR_TOPIC_MISSING', `there is no topic ${missing}`)
      await sleep(this.clock, 100)
    }
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
      const before = this.byTopic
      this.byTopic = new Map(metadata?.topicMetadata.map(({ topic, partitionMetadata }) => [topic, leadersByPartition(partitionMetadata)]))
      this.tellOfMoves(before)
    }
    return this.byTopic
  }

  private tellOfMoves(before: ReadonlyMap<string, readonly number[]>): void {
    const moved: string[] = []
    for (const [topic, leaders] of before) {
      const now = this.byTopic.get(topic)
      leaders.forEach((leader, partition) => {
        if (leader >= 0 && now?.[partition] !== undefined && now[partition] !== leader) moved.push(`${topic}-${partition}`)
      })
    }
    if (moved.length === 0) return
    const named = moved.length > 5 ? `${moved.slice(0, 5).join(', ')} and ${moved.length - 5} more` : moved.join(', ')
    this.told('leader', new MillraceError('MR_KAFKA', `another leader, or none: ${named}`))
  }

  async sendTo<A>(nodeId: number, request: Request<A>): Promise<A> {
    return this.send(await this.reach(nodeId), request)
  }

  async sendToAny<A>(request: Request<A>): Promise<A> {
    this.assertOpen()
    return this.send(await this.cluster.brokerPool.findConnectedBroker(), request)
  }

  async sendToController<A>(request: Request<A>): Promise<A> {
    this.assertOpen()
    return this.send(await this.cluster.findControllerBroker(), request)
  }

  /** Of a group or a transactional id. Asks once: who needs it knows how long it may take. */
  async findCoordinator(id: string, kind: Coordinates): Promise<KafkaJsBroker> {
    const { errorCode, message, nodeId } = await this.sendToAny(findCoordinatorV2(id, kind))
    if (errorCode !== 0) throw brokerError(errorCode, `looking for the coordinator of ${id}`, message)
    return this.reach(nodeId)
  }

  async send<A>(broker: KafkaJsBroker, request: Request<A>): Promise<A> {
    this.assertOpen()
    const to = this.watched(broker, request.apiKey)
    try {
      return await this.vigil.over(to, request, (sent) => this.exchange(broker, request, to, sent))
    } catch (thrown) {
      throw this.lost(thrown, `sending ${request.apiName} to ${to.name}`)
    }
  }

  private async exchange<A>(broker: KafkaJsBroker, request: Request<A>, to: Watched, sent: () => void): Promise<A> {
    let answer: { readonly value: A } | null = null
    const { apiKey, apiVersion, apiName, body } = request
    const encode = () => {
      sent()
      return Promise.resolve({ buf: body, buffer: body, size: () => body.length })
    }
    await broker.connectionPool.send({
      request: { apiKey, apiVersion, apiName, encode },
      response: {
        decode: (payload) => {
          const from = new WireReader(payload)
          answer = { value: request.decode(from) }
          if (from.throttleMs > 0) this.vigil.throttled(to, from.throttleMs, apiName)
          return Promise.resolve({ clientSideThrottleTime: from.throttleMs })
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

  /** Also from a broker that never answers. */
  async close(): Promise<void> {
    this.isClosed = true
    // The sockets are gone either way.
    await within(
      this.clock,
      closeMs,
      this.cluster.disconnect().catch(() => undefined),
    )
    const closed = over()
    for (const connection of this.known) if (connection.isConnected()) cutOff(connection, closed)
  }

  /* ------------------------------------------------------------------ trouble */

  /** kafkajs would open a closed connection again, and the process would not end. */
  private assertOpen(): void {
    if (this.isClosed) throw over()
  }

  private async reach(nodeId: number): Promise<KafkaJsBroker> {
    this.assertOpen()
    const what = `connecting to broker ${nodeId}`
    try {
      const broker = await within(this.clock, connectMs, this.cluster.findBroker({ nodeId: String(nodeId) }))
      if (broker !== 'late') return broker
    } catch (thrown) {
      throw this.lost(thrown, what)
    }
    throw this.told('silence', new MillraceError('MR_BROKER_UNREACHABLE', `${what}: no answer within ${connectMs / 1000} s`))
  }

  private lost(thrown: unknown, what: string): MillraceError {
    const error = toMillraceError(thrown, what)
    // What is ours already was told where it came from.
    if (error === thrown || error.code !== 'MR_BROKER_UNREACHABLE' || thrown instanceof HungUp) return error
    return this.told(toError(thrown).name === 'KafkaJSRequestTimeoutError' ? 'silence' : 'connection', error)
  }

  private told(kind: TroubleKind, error: MillraceError): MillraceError {
    if (!this.isClosed) this.settings.trouble({ kind, error })
    return error
  }

  private watched(broker: KafkaJsBroker, apiKey: number): Watched {
    const { nodeId } = broker
    const { pool, host, port } = broker.connectionPool
    const connection = pool[apiKey === fetchKey ? pool.length - 1 : 0]
    if (connection === undefined) throw new MillraceError('MR_KAFKA', `kafkajs has no connection to ${host}:${port}`)
    const isGone = async (): Promise<boolean> => {
      await this.refresh()
      const { metadata } = this.cluster.brokerPool
      return nodeId !== null && metadata !== null && metadata.brokers.every((known) => known.nodeId !== nodeId)
    }
    return { name: nodeId === null ? `${host}:${port}` : `broker ${nodeId}`, connection, isGone }
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

const over = (): MillraceError => new MillraceError('MR_APP_STOPPED', 'the connection is closed')

const leadersByPartition = (partitions: readonly PartitionMetadata[]): readonly number[] => {
  const leaders: number[] = []
  for (const { partitionId, leader } of partitions) leaders[partitionId] = leader
  return leaders
}

const unknownTopic = 3
const isLeaderless = (code: number): boolean => code !== unknownTopic && isStaleMetadata(code)

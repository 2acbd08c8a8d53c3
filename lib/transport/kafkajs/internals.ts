import type { Socket } from 'node:net'
import { Kafka, logLevel, type logCreator } from 'kafkajs'
import { MillraceError } from '../../core/errors.js'
import type { Compression } from '../batch/compression.js'
import type { TroubleListener } from '../port.js'

/**
 * The parts of kafkajs 2.2.4 that its types leave out and we build on. kafkajs is pinned, and every part is looked for
 * before it is used (`captureCluster`), so another version fails with its name and not with a TypeError somewhere.
 */
export interface KafkaJsConnection {
  isConnected(): boolean
  connect(): Promise<unknown>
  disconnect(): Promise<unknown>
  /** Of the last `connect`. */
  readonly socket?: Socket
  /** `isConnected` is true of 'connected' and of 'disconnecting'. */
  connectionStatus: 'connected' | 'disconnecting' | 'disconnected'
  authenticatedAt: unknown
  /** Of an answer to credentials that is awaited. */
  readonly authHandlers: { onError(): void } | null
  /** `destroy` ends the timers that let requests time out. */
  readonly requestQueue: { rejectAll(error: Error): void; destroy(): void }
  /** What has arrived of a response that is not whole yet. */
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
}
export interface KafkaJsRequest {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    /** kafkajs takes an Encoder; these are the parts of one that it uses. */
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer; size(): number }>
  }
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> }
  readonly requestTimeout?: number
  readonly logResponseError: boolean
}
export interface KafkaJsBroker {
  readonly nodeId: number | null
  readonly connectionPool: {
    readonly host: string
    readonly port: number
    /** One connection for Fetch, the last, and one for the rest. */
    readonly pool: readonly KafkaJsConnection[]
    send(request: KafkaJsRequest): Promise<unknown>
  }
  isConnected(): boolean
  metadata(topics?: readonly string[]): Promise<Metadata>
  heartbeat(options: { readonly groupId: string; readonly memberId: string; readonly groupGenerationId: number }): Promise<unknown>
  leaveGroup(options: { readonly groupId: string; readonly memberId: string }): Promise<unknown>
  syncGroup(options: {
    readonly groupId: string
    readonly generationId: number
    readonly memberId: string
    readonly groupAssignment: readonly unknown[]
  }): Promise<unknown>
}
export interface Metadata {
  readonly clientSideThrottleTime: number
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number; readonly rack: string | null }[]
  readonly clusterId: string | null
  readonly controllerId: number
  readonly topicMetadata: readonly TopicMetadata[]
}
export interface TopicMetadata {
  readonly topicErrorCode: number
  readonly topic: string
  readonly isInternal: boolean
  readonly partitionMetadata: readonly PartitionMetadata[]
}
export interface PartitionMetadata {
  readonly partitionErrorCode: number
  readonly partitionId: number
  /** -1: none now. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
}
export interface KafkaJsCluster {
  readonly targetTopics: Set<string>
  readonly brokerPool: {
    /** A new object with every refresh. */
    readonly metadata: Metadata | null
    readonly brokers: Readonly<Record<string, KafkaJsBroker>>
    createBroker(options: object): KafkaJsBroker
    findBroker(options: { readonly nodeId: string }): Promise<KafkaJsBroker>
    findConnectedBroker(): Promise<KafkaJsBroker>
  }
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  removeBroker(at: { readonly host: string; readonly port: number }): void
  findBroker(options: { readonly nodeId: string }): Promise<KafkaJsBroker>
  findControllerBroker(): Promise<KafkaJsBroker>
  findGroupCoordinator(options: { readonly groupId: string }): Promise<KafkaJsBroker>
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[]
  markOffsetAsCommitted(at: { readonly groupId: string; readonly topic: string; readonly partition: number; readonly offset: string }): void
  getNodeIds(): readonly string[]
}

const methods = [
  'connect',
  'disconnect',
  'refreshMetadata',
  'addMultipleTargetTopics',
  'removeBroker',
  'findBroker',
  'findControllerBroker',
  'findGroupCoordinator',
  'findTopicPartitionMetadata',
  'markOffsetAsCommitted',
  'getNodeIds',
] as const

const unsupported = (what: string): MillraceError => new MillraceError('MR_KAFKA', `kafkajs has no ${what}; millrace needs kafkajs 2.2.4`)

/** Partition assigners are handed kafkajs's own cluster; its type says `Cluster`, which leaves out most of it. */
export const asCluster = (cluster: unknown): KafkaJsCluster => {
  const found = cluster as KafkaJsCluster // checked part by part below
  for (const name of methods) if (typeof found[name] !== 'function') throw unsupported(`Cluster.${name}`)
  if (!(found.targetTopics instanceof Set)) throw unsupported('Cluster.targetTopics')
  if (!('metadata' in (found.brokerPool ?? {})) || typeof found.brokerPool.createBroker !== 'function')
    throw unsupported('Cluster.brokerPool.createBroker')
  return found
}

export interface KafkaSettings {
  readonly brokers: readonly string[]
  readonly clientId: string
  /** What kafkajs takes: ssl, sasl, socketFactory, timeouts ... */
  readonly kafka: Readonly<Record<string, unknown>>
  /** Of what is written. Default 'none'. */
  readonly compression?: Compression
  readonly log: KafkaLog
  readonly trouble: TroubleListener
}
/** What kafkajs has to say. It calls much an error that it handles a moment later, so its errors come as warnings. */
export type KafkaLog = (level: 'debug' | 'info' | 'warn', message: string, details: Readonly<Record<string, unknown>>) => void

const levels: Readonly<Record<number, 'debug' | 'info' | 'warn'>> = { [logLevel.ERROR]: 'info' }

const logTo =
  (log: KafkaLog): logCreator =>
  () =>
  ({ namespace, level, log: { message, timestamp: _at, stack: _stack, logger: _name, ...details } }) =>
    log(levels[level] ?? 'debug', namespace === '' ? message : `${namespace}: ${message}`, details)

/** A new `Kafka` each time: consumers of one instance share a map of offsets, and clear each other's. */
export const newKafka = (settings: KafkaSettings): Kafka => {
  patchRequestQueue()
  return new Kafka({
    connectionTimeout: 5000,
    requestTimeout: 30_000,
    logLevel: logLevel.WARN,
    ...settings.kafka,
    // All of it, for kafkajs has other defaults where NODE_ENV is "test".
    retry: { initialRetryTime: 50, retries: 5, maxRetryTime: 1000, factor: 0.2, multiplier: 2, ...(settings.kafka['retry'] ?? {}) },
    clientId: settings.clientId,
    brokers: [...settings.brokers],
    logCreator: logTo(settings.log),
  })
}

/** A cluster that belongs to no group: connections, metadata and nothing else. */
export const captureCluster = (settings: KafkaSettings): KafkaJsCluster => {
  let captured: KafkaJsCluster | null = null
  newKafka(settings).consumer({
    groupId: 'none',
    allowAutoTopicCreation: false,
    metadataMaxAge: 60_000,
    partitionAssigners: [
      ({ cluster }) => {
        captured = asCluster(cluster)
        return {
          name: 'none',
          version: 0,
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
          assign: () => Promise.resolve([]),
        }
      },
    ],
  })
  if (captured === null) throw unsupported('partitionAssigners')
  return captured
}

interface RequestQueueClass {
  readonly prototype: { scheduleCheckPendingRequests?: (this: { readonly pending: readonly unknown[] }) => void }
}

let isPatched = false

/** kafkajs looks for pending requests every millisecond on each connection, also when there are none (its issue 1556). */
const patchRequestQueue = (): void => {
  if (isPatched) return
  isPatched = true
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded with kafkajs, at first use; an import would be typed, and these files have no types
  const { version } = require('kafkajs/package.json') as { readonly version: string } // a file of kafkajs, of this shape since its first release
  if (version !== '2.2.4') throw unsupported(`version 2.2.4 installed but ${version}`)
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
  const queue = (require('kafkajs/src/network/requestQueue') as RequestQueueClass).prototype // untyped file of the pinned version, checked below
  const schedule = queue.scheduleCheckPendingRequests
  if (typeof schedule !== 'function') throw unsupported('RequestQueue.scheduleCheckPendingRequests')
  queue.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this)
  }
}

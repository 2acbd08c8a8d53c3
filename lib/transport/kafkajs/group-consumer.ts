import { AssignerProtocol, type Consumer, type PartitionAssigner } from 'kafkajs'
import { sleep, type Clock } from '../../core/clock.js'
import { assign, type TopicSet } from '../assignor.js'
import type { GroupOptions, TopicPartition } from '../port.js'
import { decodeUserData, encodeUserData } from '../user-data.js'
import { Connections } from './connections.js'
import { isHopeless, toMillraceError } from './errors.js'
import { asCluster, newKafka, type KafkaJsBroker, type KafkaJsCluster, type KafkaSettings } from './internals.js'

/** What the group protocol of kafkajs tells us, at the places where it can be overheard. None of them may throw. */
export interface GroupEvents {
  /** Awaited before each JoinGroup, also where kafkajs rejoins by itself. A rejection keeps it from joining. */
  beforeJoin(coordinator: KafkaJsBroker): Promise<void>
  /** `sentAt`: when the SyncGroup left. */
  joined(
    identity: { readonly generation: number; readonly memberId: string; readonly sentAt: number },
    partitions: readonly TopicPartition[],
  ): void
  /** A heartbeat was answered that had been sent at `sentAt`. */
  alive(sentAt: number): void
  /** The coordinator does not know the member (any more), or not in this generation. */
  kicked(): void
  /** False: a join or a heartbeat need not go on. */
  isStaying(): boolean
  /** The last generation has ended, and no other has begun. */
  isBetweenGenerations(): boolean
  /** kafkajs has left the group. It rejoins by itself if `restarts`. */
  crashed(error: Error, restarts: boolean): void
}
export interface GroupConsumer {
  readonly connections: Connections
  /** Without the barrier of `beforeJoin`. */
  findCoordinator(): Promise<KafkaJsBroker>
  /** Joins and stays; resolves after the first attempt, however it went. */
  run(): Promise<void>
  /** Leaves the group and disconnects. */
  stop(): Promise<void>
}

/** So many heartbeats in a row may find no coordinator before it is looked for elsewhere. */
const patience = 2
const findMs = 30_000
const findPauseMs = 200

/**
 * The group protocol of kafkajs and nothing else of its consumer: every partition stays paused in it, so its loop does no
 * more than heartbeat, and a `Fetcher` reads. Its own fetching would rejoin when a leader moves, and commit by itself.
 */
export const openGroupConsumer = (settings: KafkaSettings, options: GroupOptions, clock: Clock, events: GroupEvents): GroupConsumer => {
  let cluster: KafkaJsCluster | null = null
  const consumer = newKafka(settings).consumer({
    groupId: options.groupId,
    partitionAssigners: [
      (handed) => {
        cluster = asCluster(handed.cluster)
        return assigner(cluster, options)
      },
    ],
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: options.rebalanceTimeoutMs,
    heartbeatInterval: options.heartbeatMs,
    // How often its idle loop turns, and so how late it sees that a heartbeat is due.
    maxWaitTimeInMs: Math.max(20, Math.min(250, Math.floor(options.heartbeatMs / 4))),
    metadataMaxAge: 30_000,
    allowAutoTopicCreation: false,
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 1000, factor: 0.2, multiplier: 2 },
  })
  const captured = asCluster(cluster)
  const findCoordinator = captured.findGroupCoordinator.bind(captured)
  const identity = overhear(captured, clock, events)
  consumer.on(consumer.events.CRASH, ({ payload }) => events.crashed(payload.error, payload.restart))
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, ps]) => ps.map((partition) => ({ topic, partition })))
    silence(consumer, captured, options.groupId, partitions)
    events.joined(identity, partitions)
  })
  return {
    connections: new Connections(captured, clock),
    findCoordinator: () => findCoordinator({ groupId: options.groupId }),
    run: async () => {
      await consumer.subscribe({ topics: [...options.topics] })
      await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() })
    },
    stop: () => consumer.disconnect(),
  }
}

/** Keeps kafkajs from reading what was assigned, and from looking up where it would start. */
const silence = (consumer: Consumer, cluster: KafkaJsCluster, groupId: string, partitions: readonly TopicPartition[]): void => {
  consumer.pause(partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })))
  for (const { topic, partition } of partitions) cluster.markOffsetAsCommitted({ groupId, topic, partition, offset: '0' })
}

interface Identity {
  generation: number
  memberId: string
  /** When the SyncGroup left: its answer may be read long after it was given, by a process that has slept. */
  sentAt: number
}

/** Puts the barrier before every join and listens to the coordinator; returns what the last SyncGroup was sent with. */
const overhear = (cluster: KafkaJsCluster, clock: Clock, events: GroupEvents): Identity => {
  const identity: Identity = { generation: -1, memberId: '', sentAt: 0 }
  const heard = new WeakSet<KafkaJsBroker>()
  const find = cluster.findGroupCoordinator.bind(cluster)
  cluster.findGroupCoordinator = async (query) => {
    const coordinator = await patiently(() => find(query), cluster, clock, events)
    if (!heard.has(coordinator)) {
      heard.add(coordinator)
      const syncGroup = coordinator.syncGroup.bind(coordinator)
      coordinator.syncGroup = (request) => {
        identity.generation = request.generationId
        identity.memberId = request.memberId
        identity.sentAt = clock.now()
        return syncGroup(request)
      }
      coordinator.heartbeat = listenTo(coordinator, clock, events)
    }
    await events.beforeJoin(coordinator)
    return coordinator
  }
  return identity
}

/** kafkajs crashes when no broker answers for a second or two, and comes back as a stranger that waits for its own old session. */
const patiently = async (
  find: () => Promise<KafkaJsBroker>,
  cluster: KafkaJsCluster,
  clock: Clock,
  events: GroupEvents,
): Promise<KafkaJsBroker> => {
  const giveUpAt = clock.now() + findMs
  for (;;) {
    try {
      return await find()
    } catch (thrown) {
      if (!events.isStaying() || isHopeless(toMillraceError(thrown, 'looking for the coordinator')) || clock.now() > giveUpAt) throw thrown
      await sleep(clock, findPauseMs)
      // Where this fails too, `find` says so again.
      await cluster.refreshMetadata().catch(() => undefined)
    }
  }
}

const listenTo = (coordinator: KafkaJsBroker, clock: Clock, events: GroupEvents): KafkaJsBroker['heartbeat'] => {
  const heartbeat = coordinator.heartbeat.bind(coordinator)
  let failures = 0
  return async (request) => {
    const sentAt = clock.now()
    try {
      const answer = await heartbeat(request)
      failures = 0
      events.alive(sentAt)
      // A join failed half way, and kafkajs went back to where it was.
      if (events.isBetweenGenerations()) throw rejoin('REBALANCE_IN_PROGRESS', 'the last generation has ended')
      return answer
    } catch (thrown) {
      const type = typeof thrown === 'object' && thrown !== null && 'type' in thrown ? thrown.type : undefined
      if (type === 'REBALANCE_IN_PROGRESS') events.alive(sentAt)
      if (type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION') events.kicked()
      if (type !== undefined) throw thrown
      failures += 1
      if (failures < patience) throw thrown
      failures = 0
      // kafkajs would ask a dead coordinator until it gives up; told so, it looks for the one that took over, as the same member.
      throw rejoin('NOT_COORDINATOR_FOR_GROUP', 'the coordinator does not answer', thrown)
    }
  }
}

/** An error that makes kafkajs join again. */
const rejoin = (type: 'REBALANCE_IN_PROGRESS' | 'NOT_COORDINATOR_FOR_GROUP', message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { type })

const assigner = (cluster: KafkaJsCluster, options: GroupOptions): ReturnType<PartitionAssigner> => ({
  name: 'millrace',
  version: 0,
  // Version 0: version 1 promises owned partitions, which kafkajs does not write.
  protocol: () => ({
    name: 'millrace',
    metadata: AssignerProtocol.MemberMetadata.encode({
      version: 0,
      topics: [...options.topics].sort(),
      userData: encodeUserData({ nodeId: options.nodeId, held: options.held() }),
    }),
  }),
  assign: ({ members }) => {
    const known = members.map(({ memberId, memberMetadata }) => {
      const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata)
      return { memberId, ...decodeUserData(metadata?.userData ?? Buffer.alloc(0)) }
    })
    const shares = assign(known, topicSets(cluster, options))
    // One for every member: a broker logs a warning for those left out.
    return Promise.resolve(
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 0,
          assignment: partitionsByTopic(shares.get(memberId) ?? []),
          userData: Buffer.alloc(0),
        }),
      })),
    )
  },
})

/** The sets all members agreed on; a topic in none of them is a set of its own, behind them. */
const topicSets = (cluster: KafkaJsCluster, { copartitioned, topics }: GroupOptions): readonly TopicSet[] => {
  const together = new Set(copartitioned.flat())
  const alone = topics.filter((topic) => !together.has(topic)).sort()
  return [...copartitioned, ...alone.map((topic) => [topic])].map((set) => ({
    topics: set,
    partitions: set.map((topic) => cluster.findTopicPartitionMetadata(topic).length),
  }))
}

const partitionsByTopic = (partitions: readonly TopicPartition[]): Record<string, number[]> => {
  const byTopic: Record<string, number[]> = {}
  for (const { topic, partition } of partitions) (byTopic[topic] ??= []).push(partition)
  return byTopic
}

import { AssignerProtocol, type Consumer, type PartitionAssigner } from 'kafkajs'
import { sleep, type Clock } from '../../core/clock.js'
import { isMillraceError } from '../../core/errors.js'
import { assign, type TopicSet } from '../assignor.js'
import type { GroupOptions, TopicPartition } from '../port.js'
import { decodeUserData, encodeUserData } from '../user-data.js'
import { Connections } from './connections.js'
import { broker, isCoordinatorMoving } from './error-codes.js'
import { isFutile, toMillraceError } from './errors.js'
import type { Coordinator } from './group-offsets.js'
import { beat } from './heartbeats.js'
import { asCluster, newKafka, type KafkaJsBroker, type KafkaJsCluster, type KafkaSettings } from './internals.js'
import { coordinates, leaveGroupV1, type GroupIdentity } from './group-requests.js'

/** What the group protocol of kafkajs tells us, at the places where it can be overheard. None of them may throw. */
export interface GroupEvents {
  /** Where it is now; found without the barrier of `beforeJoin`. */
  readonly coordinator: Coordinator
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

const findMs = 30_000
const findPauseMs = 200
const leaveAttempts = 3

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
  const connections = new Connections(captured, settings, clock)
  const findCoordinator = () => connections.findCoordinator(options.groupId, coordinates.group)
  const identity = overhear(connections, findCoordinator, exchangesOver(connections, clock, events), clock, events)
  consumer.on(consumer.events.CRASH, ({ payload }) => events.crashed(payload.error, payload.restart))
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, ps]) => ps.map((partition) => ({ topic, partition })))
    silence(consumer, captured, options.groupId, partitions)
    events.joined(identity, partitions)
  })
  return {
    connections,
    findCoordinator,
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

/**
 * Puts the barrier before every join, and sends heartbeats and the farewell to where the coordinator is by then, which kafkajs
 * learns only by joining again; returns what the last SyncGroup was sent with.
 */
const overhear = (
  { cluster }: Connections,
  find: () => Promise<KafkaJsBroker>,
  exchanges: Exchanges,
  clock: Clock,
  events: GroupEvents,
): Identity => {
  const identity: Identity = { generation: -1, memberId: '', sentAt: 0 }
  const heard = new WeakSet<KafkaJsBroker>()
  cluster.findGroupCoordinator = async () => {
    const coordinator = await patiently(find, cluster, clock, events)
    if (!heard.has(coordinator)) {
      heard.add(coordinator)
      const syncGroup = coordinator.syncGroup.bind(coordinator)
      coordinator.syncGroup = (request) => {
        identity.generation = request.generationId
        identity.memberId = request.memberId
        identity.sentAt = clock.now()
        return syncGroup(request)
      }
      coordinator.heartbeat = ({ groupGenerationId, ...member }) => exchanges.heartbeat({ ...member, generation: groupGenerationId })
      coordinator.leaveGroup = exchanges.leave
    }
    await events.beforeJoin(coordinator)
    return coordinator
  }
  return identity
}

/** What a member tells its coordinator while it is one. */
interface Exchanges {
  heartbeat(identity: GroupIdentity): Promise<void>
  leave(member: { readonly groupId: string; readonly memberId: string }): Promise<void>
}

const exchangesOver = (connections: Connections, clock: Clock, events: GroupEvents): Exchanges => ({
  heartbeat: async (identity) => {
    const answer = await beat(connections, events.coordinator, identity, clock, events)
    if (answer === 'kicked') {
      events.kicked()
      throw rejoin('UNKNOWN_MEMBER_ID', 'the group does not know the member any more')
    }
    // Also where a join failed half way, and kafkajs went back to where it was.
    if (answer === 'rebalancing' || events.isBetweenGenerations()) throw rejoin('REBALANCE_IN_PROGRESS', 'the generation has ended')
  },
  leave: async ({ groupId, memberId }) => {
    for (let attempt = 1; attempt <= leaveAttempts; attempt++) {
      const code = await events.coordinator
        .find()
        .then((found) => connections.send(found, leaveGroupV1(groupId, memberId)))
        .catch((error: unknown) => (isMillraceError(error, 'MR_APP_STOPPED') ? broker.none : broker.coordinatorNotAvailable))
      if (!isCoordinatorMoving(code)) return
      events.coordinator.forget()
      await sleep(clock, findPauseMs)
    }
  },
})

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
      if (!events.isStaying() || isFutile(toMillraceError(thrown, 'looking for the coordinator')) || clock.now() > giveUpAt) throw thrown
      await sleep(clock, findPauseMs)
      // Where this fails too, `find` says so again.
      await cluster.refreshMetadata().catch(() => undefined)
    }
  }
}

/** An error that makes kafkajs join again. */
const rejoin = (type: 'REBALANCE_IN_PROGRESS' | 'UNKNOWN_MEMBER_ID', message: string): Error => Object.assign(new Error(message), { type })

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

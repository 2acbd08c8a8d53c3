import { sleep, type Clock, type Timer } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { TroubleKind } from '../../core/telemetry.js'
import type { CommittedOffset, GroupListener, GroupOptions, Member, PartitionOffset, TopicPartition } from '../port.js'
import { beatWhile } from './heartbeats.js'
import { isHopeless, toMillraceError } from './errors.js'
import { Fetcher } from './fetcher.js'
import { Generation, type Owner } from './generation.js'
import { openGroupConsumer, type GroupConsumer } from './group-consumer.js'
import { GroupOffsets, type Coordinator } from './group-offsets.js'
import type { KafkaJsBroker, KafkaSettings } from './internals.js'
import type { GroupIdentity } from './group-requests.js'
import { within } from './within.js'

/** kafkajs's consumer and what reads beside it: all of it is new after a crash that kafkajs does not survive. */
interface Session {
  readonly consumer: GroupConsumer
  readonly fetcher: Fetcher
  readonly offsets: GroupOffsets
}

const maxBytes = 8 * 1024 * 1024
const rebuildAfterMs = 1000
const abandonMs = 5000

/**
 * Membership in one group, over all its generations. kafkajs joins, syncs and heartbeats; this decides what that means:
 * a barrier before each join, a generation after it, its end when nobody answers, and a new start when kafkajs gives up.
 */
export class Membership implements Owner {
  private session: Session | null = null
  private current: Generation | null = null
  private coordinator: KafkaJsBroker | null = null
  /** The last one, also after it was forgotten. */
  private coordinatorId: number | null = null
  private heardAt = 0
  /** Since when the group protocol should have said something. */
  private quietSince = 0
  private isKicked = false
  private revoking: Promise<void> | null = null
  private leaving: Promise<void> | null = null
  /** Open once kafkajs has been told to leave: a join that waits in the barrier may then fail. */
  private letGo: () => void = () => undefined
  private readonly isLetGo = new Promise<void>((resolve) => (this.letGo = resolve))
  private watch: Timer | null = null
  private isOver = false
  private ending: Promise<void> | null = null
  private settleJoin: { readonly resolve: (member: Member) => void; readonly reject: (error: MillraceError) => void } | null = null

  constructor(
    private readonly kafka: KafkaSettings,
    private readonly options: GroupOptions,
    private readonly listener: GroupListener,
    private readonly clock: Clock,
    /** Ends what a broker has forgotten to end of our own transactions. */
    private readonly endForgotten: (groupId: string) => void,
    private readonly onEnd: () => void,
  ) {}

  async join(): Promise<Member> {
    const joined = new Promise<Member>((resolve, reject) => (this.settleJoin = { resolve, reject }))
    // It is awaited only once kafkajs has run; what fails before that must not be unheard of.
    joined.catch(() => undefined)
    try {
      const session = this.open()
      await session.consumer.connections.connect()
      await session.consumer.connections.requireTopics(this.options.topics)
      await session.consumer.run()
      this.watchOver()
      return await joined
    } catch (error) {
      await this.end()
      throw toMillraceError(error, `joining group ${this.options.groupId}`)
    }
  }

  /* ------------------------------------------------------------ as a Member */

  isCurrent(generation: Generation): boolean {
    return this.current === generation
  }
  isHeard(): boolean {
    return this.clock.now() - this.heardAt < this.options.sessionTimeoutMs
  }
  start(at: PartitionOffset): void {
    if (this.revoking === null) this.session?.fetcher.start(at)
  }
  pause(at: TopicPartition): void {
    this.session?.fetcher.pause(at)
  }
  resume(at: TopicPartition): void {
    this.session?.fetcher.resume(at)
  }
  taken(at: TopicPartition, bytes: number): void {
    this.session?.fetcher.taken(at, bytes)
  }
  async committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return this.openSession().offsets.committed(this.options.groupId, partitions)
  }
  async commit(identity: GroupIdentity, offsets: readonly CommittedOffset[]): Promise<void> {
    return this.openSession().offsets.commit(identity, offsets)
  }

  leave(deadlineMs: number): Promise<void> {
    this.leaving ??= this.revokeAndLeave(deadlineMs)
    return this.leaving
  }

  private async revokeAndLeave(deadlineMs: number): Promise<void> {
    const stopAt = this.clock.now() + deadlineMs
    if (this.current !== null) await this.revoke(deadlineMs)
    await this.end(Math.max(1000, stopAt - this.clock.now()))
  }

  /* --------------------------------------------------------- what kafkajs does */

  private open(): Session {
    let session: Session | null = null
    const mine = (): boolean => session !== null && this.session === session
    const coordinator = this.coordinatorOf(() => consumer.findCoordinator())
    const consumer: GroupConsumer = openGroupConsumer(this.kafka, this.options, this.clock, {
      coordinator,
      beforeJoin: (coordinator) => (mine() ? this.beforeJoin(coordinator) : Promise.resolve()),
      joined: ({ generation, memberId, sentAt }, partitions) =>
        mine() && this.begin({ groupId: this.options.groupId, generation, memberId }, partitions, sentAt),
      alive: (sentAt) => mine() && this.hear(sentAt),
      kicked: () => (this.isKicked = true),
      isStaying: () => mine() && !this.isOver && this.leaving === null,
      isBetweenGenerations: () => mine() && this.current === null && this.leaving === null,
      crashed: (error, restarts) => mine() && void this.onCrash(error, restarts),
    })
    const { fetchWaitMs, fetchBytes, bufferBytes } = this.options
    const fetcher = new Fetcher(
      consumer.connections,
      this.clock,
      { waitMs: fetchWaitMs, bytesPerPartition: fetchBytes, maxBytes, bufferBytes },
      {
        chunk: (chunk) => this.listener.chunk(chunk),
        outOfRange: (at) => this.listener.outOfRange(at),
        failed: (error) => void this.fail(error),
        trouble: (error) => this.tell('leader', error),
      },
    )
    const offsets = new GroupOffsets(consumer.connections, coordinator, this.clock, (groupId, forMs) => this.held(groupId, forMs))
    this.coordinator = null
    session = { consumer, fetcher, offsets }
    this.session = session
    return session
  }

  private coordinatorOf(find: () => Promise<KafkaJsBroker>): Coordinator {
    return {
      find: async () => this.coordinatedBy((this.coordinator ??= await find())),
      forget: () => (this.coordinator = null),
    }
  }

  private coordinatedBy(broker: KafkaJsBroker): KafkaJsBroker {
    const { nodeId } = broker
    const { groupId } = this.options
    if (this.coordinatorId !== null && nodeId !== null && nodeId !== this.coordinatorId)
      this.tell(
        'coordinator',
        new MillraceError('MR_KAFKA', `broker ${nodeId} coordinates group ${groupId} now, no longer ${this.coordinatorId}`),
      )
    this.coordinatorId = nodeId ?? this.coordinatorId
    return broker
  }

  private held(groupId: string, forMs: number): void {
    const seconds = Math.round(forMs / 1000)
    this.tell('coordinator', new MillraceError('MR_KAFKA', `a transaction has held back offsets of group ${groupId} for ${seconds} s`))
    this.endForgotten(groupId)
  }

  private tell(kind: TroubleKind, error: MillraceError): void {
    this.kafka.trouble({ kind, error })
  }

  /** The barrier: the old generation drains and commits while the group waits for us. */
  private async beforeJoin(coordinator: KafkaJsBroker): Promise<void> {
    this.coordinator = this.coordinatedBy(coordinator)
    this.quietSince = this.clock.now()
    const { current } = this
    if (current !== null && (this.isKicked || !this.isHeard())) await this.lose()
    else if (current !== null) await this.revoke(this.barrierMs(), coordinator)
    this.isKicked = false
    this.quietSince = this.clock.now()
    if (this.leaving === null) return
    await this.isLetGo
    throw new Error('the member is leaving, so it does not join')
  }

  /** Part of the rebalance timeout is gone before this member hears of it, and part is for the way to the broker. */
  private barrierMs(): number {
    const { rebalanceTimeoutMs, heartbeatMs } = this.options
    return Math.max(rebalanceTimeoutMs / 4, rebalanceTimeoutMs * 0.75 - heartbeatMs)
  }

  /** Ends the current generation with its chance to commit. In the barrier kafkajs is silent, so the heartbeats are ours. */
  private async revoke(deadlineMs: number, coordinator?: KafkaJsBroker): Promise<void> {
    const { current, session } = this
    if (current === null || session === null) return
    session.fetcher.stopAll()
    this.revoking ??= this.listener.revoke(deadlineMs)
    const connections = session.consumer.connections
    const beats =
      coordinator && beatWhile(connections, coordinator, current.identity, this.options.heartbeatMs, this.clock, (at) => this.hear(at))
    const outcome = await within(this.clock, deadlineMs, this.revoking)
    if (outcome === 'late')
      this.kafka.log('warn', `draining for a rebalance of group ${this.options.groupId} took more than ${deadlineMs} ms`, {})
    this.revoking = null
    const isVoid = beats?.stop() === 'kicked' || this.isKicked
    // While the member leaves, the barrier of a rebalance may wait for the same drain.
    if (this.current !== current) return
    this.current = null
    if (isVoid) this.listener.lost()
  }

  private begin(identity: GroupIdentity, partitions: readonly TopicPartition[], sentAt: number): void {
    this.hear(sentAt)
    if (this.leaving !== null) return
    // A join that no barrier came before (kafkajs retries a failed one) still ends what was.
    this.session?.fetcher.stopAll()
    const generation = new Generation(this, identity, partitions)
    this.current = generation
    this.listener.assigned(generation, partitions)
    this.settleJoin?.resolve(generation)
    this.settleJoin = null
  }

  private hear(sentAt: number): void {
    this.heardAt = Math.max(this.heardAt, sentAt)
    this.quietSince = this.clock.now()
  }

  /** The generation is over without a chance to commit. */
  private async lose(): Promise<void> {
    const { current } = this
    this.session?.fetcher.stopAll()
    this.current = null
    if (this.revoking !== null) await this.revoking
    if (current !== null) this.listener.lost()
  }

  private async onCrash(thrown: Error, restarts: boolean): Promise<void> {
    if (this.isOver || this.leaving !== null) return
    const error = toMillraceError(thrown, `the membership in group ${this.options.groupId}`)
    await this.lose()
    this.quietSince = this.clock.now()
    const isFinal = isHopeless(error) || error.code === 'MR_TOPIC_MISSING'
    if (isFinal) return this.fail(error)
    this.tell('crash', error)
    if (!restarts) await this.rebuild()
  }

  /** kafkajs is in a state it does not come back from: all of it anew. */
  private async rebuild(): Promise<void> {
    const { session } = this
    this.session = null
    session?.fetcher.close()
    if (session !== null) void this.abandon(session)
    await sleep(this.clock, rebuildAfterMs)
    if (this.isOver || this.leaving !== null) return
    this.quietSince = this.clock.now()
    const next = this.open()
    try {
      await next.consumer.connections.connect()
      await next.consumer.run()
    } catch (thrown) {
      const error = toMillraceError(thrown, `joining group ${this.options.groupId} again`)
      if (isHopeless(error)) return this.fail(error)
      this.tell('crash', error)
      if (this.session === next) await this.rebuild()
    }
  }

  /** Nothing it does is listened to any more, but it may hang, and must not keep connecting. */
  private async abandon({ consumer }: Session): Promise<void> {
    await within(
      this.clock,
      abandonMs,
      consumer.stop().catch(() => undefined),
    )
    await consumer.connections.close()
  }

  /** kafkajs sometimes falls silent; nothing it does takes longer than this. */
  private watchOver(): void {
    const { sessionTimeoutMs, rebalanceTimeoutMs, heartbeatMs } = this.options
    const longest = Math.max(2 * sessionTimeoutMs, rebalanceTimeoutMs) + 35_000
    this.watch = this.clock.after(
      heartbeatMs,
      () => {
        if (this.isOver || this.leaving !== null) return
        if (this.session !== null && this.clock.now() - this.quietSince > longest) {
          this.tell('crash', new MillraceError('MR_BROKER_UNREACHABLE', `group ${this.options.groupId} has been silent for ${longest} ms`))
          void this.lose().then(() => this.rebuild())
        }
        this.watchOver()
      },
      { background: true },
    )
  }

  private async fail(error: MillraceError): Promise<void> {
    if (this.isOver || this.leaving !== null) return
    if (this.settleJoin !== null) return this.settleJoin.reject(error)
    await this.lose()
    const ending = this.end()
    this.listener.failed(error)
    await ending
  }

  private end(deadlineMs = 5000): Promise<void> {
    this.ending ??= this.endWithin(deadlineMs)
    return this.ending
  }

  private async endWithin(deadlineMs: number): Promise<void> {
    this.isOver = true
    this.watch?.cancel()
    this.current = null
    const { session } = this
    session?.fetcher.close()
    const stopped = session?.consumer.stop() ?? Promise.resolve()
    this.letGo()
    // kafkajs waits for what is on its way, which a dead broker never answers.
    await within(
      this.clock,
      deadlineMs,
      stopped.catch(() => undefined),
    )
    if (session !== null) await within(this.clock, 1000, session.consumer.connections.close())
    this.onEnd()
  }

  private openSession(): Session {
    if (this.session === null || this.isOver)
      throw new MillraceError('MR_FENCED', `the membership in group ${this.options.groupId} is over`)
    return this.session
  }
}

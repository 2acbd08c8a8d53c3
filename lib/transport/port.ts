import type { MillraceError } from '../core/errors.js'
import type { OutRecord } from '../core/record.js'
import type { TroubleKind } from '../core/telemetry.js'

/**
 * What the runtime needs from a log, and no more. Two implementations, `embedded/` and `kafkajs/`, and one
 * specification that runs on both (`spec/transport/port.spec.ts`).
 *
 * Offsets are numbers (safe to 2^53), times are ms since the epoch, sizes are bytes.
 * Every promise rejects with a `MillraceError`.
 */
export interface Transport {
  /** Topics that do not exist are absent from the answer. */
  describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicInfo>>
  /** Creates what does not exist; a topic that exists already is left as it is, even if it differs. Resolves when all have leaders. */
  createTopics(topics: readonly NewTopic[]): Promise<void>
  listOffsets(partitions: readonly TopicPartition[], at: OffsetSpec): Promise<readonly PartitionOffset[]>
  /** Removes what lies below each offset. Best effort: a purge of repartition topics. */
  deleteRecords(offsets: readonly PartitionOffset[]): Promise<void>
  /** Joins a consumer group. Resolves when the first assignment has been given to the listener. */
  join(options: GroupOptions, listener: GroupListener): Promise<Member>
  /** Reads partitions without a group, read-committed: restore, global tables. */
  read(from: readonly PartitionOffset[]): Reader
  /** Connected. Several may be open at a time. */
  producer(options?: ProducerOptions): Promise<Producer>
  /** Whoever had that id before is fenced, and what it left open is aborted. */
  transactionalProducer(options: TransactionOptions): Promise<TransactionalProducer>
  /** Closes what is still open. Idempotent. */
  close(): Promise<void>
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}
export interface PartitionOffset extends TopicPartition {
  readonly offset: number
}
export interface TopicInfo {
  readonly name: string
  readonly partitions: number
  readonly isCompacted: boolean
}
export interface NewTopic {
  readonly name: string
  readonly partitions: number
  /** Kafka topic settings, e.g. { 'cleanup.policy': 'compact' }. A setting the broker does not know is left out. */
  readonly config: Readonly<Record<string, string>>
}
/**
 * 'earliest': the first offset that is still there. 'stable': the last stable offset, where a read-committed reader ends.
 * 'end': the high watermark. `{ time }`: the first record at or after that time; the end when there is none.
 */
export type OffsetSpec = 'earliest' | 'stable' | 'end' | { readonly time: number }

/** What a fetch brought for one partition. Empty `batches` tell of a position or an end that moved without data. */
export interface Chunk extends TopicPartition {
  /** Record batches v2, whole, in order, still compressed; control batches and aborted ones are left out. Read them with `readBatch`. */
  readonly batches: readonly Buffer[]
  /** Records below it were not asked for: a batch is fetched whole. */
  readonly fetchOffset: number
  /** Where reading goes on: past gaps of compaction, control batches and aborted ones. */
  readonly nextOffset: number
  /** The last stable offset when this was fetched. */
  readonly endOffset: number
  /** Of all batches. */
  readonly byteLength: number
}

/* ------------------------------------------------------------------ groups */

export interface GroupOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  /** Sets of topics of which partition n goes to one member, for every n: the sources of each sub-topology. Same in all members. */
  readonly copartitioned: readonly (readonly string[])[]
  /** Survives restarts: how the assignor knows a member again. */
  readonly nodeId: string
  /** Asked before every join: partitions of `copartitioned[i]` that this node has state of on its disk. */
  readonly held: () => readonly HeldTask[]
  readonly sessionTimeoutMs: number
  readonly heartbeatMs: number
  readonly rebalanceTimeoutMs: number
  /** Longest wait of a fetch for data. */
  readonly fetchWaitMs: number
  /** Per partition and fetch. */
  readonly fetchBytes: number
  /** Handed on and not yet taken, over all partitions: nothing more is fetched for those who have their part of it. */
  readonly bufferBytes: number
}
export interface HeldTask {
  /** Index into `copartitioned`. */
  readonly set: number
  readonly partition: number
}

/** Calls never overlap and must not throw. */
export interface GroupListener {
  /**
   * The group is about to rejoin, or the member to leave: drain and commit what is there; the old generation still may.
   * No partition is read meanwhile; the member heartbeats by itself. Must settle within `deadlineMs`.
   */
  revoke(deadlineMs: number): Promise<void>
  /**
   * A generation has begun. None of its partitions is read before `member.start` names where.
   * Chunks of partitions started before this call never arrive after it.
   */
  assigned(member: Member, partitions: readonly TopicPartition[]): void
  /** Membership ended without a chance to commit (expired, kicked, crashed): everything uncommitted is void. It rejoins by itself. */
  lost(): void
  /** In order per partition; the first one comes soon after `start` even when there is nothing to read. */
  chunk(chunk: Chunk): void
  /** The position of a partition is not in its log (any more). It is paused until `member.start` is called again. */
  outOfRange(at: PartitionOffset): void
  /** The membership is over for good. */
  failed(error: MillraceError): void
}

export interface Member {
  readonly groupId: string
  readonly generation: number
  /** False once a session timeout has passed since the last answered heartbeat: nothing may be produced before the next `assigned`. */
  isAlive(): boolean
  /** Reads from `offset` on: at the first time, after `outOfRange`, or to seek. */
  start(at: PartitionOffset): void
  /** Idempotent. What is on its way still arrives. */
  pause(partition: TopicPartition): void
  resume(partition: TopicPartition): void
  /** So many bytes of its chunks are not waiting any more; what waited when it was started again need not be told. */
  taken(partition: TopicPartition, bytes: number): void
  /** Partitions without a committed offset are absent. */
  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]>
  /** Rejects with `MR_FENCED` when this generation is over. */
  commit(offsets: readonly CommittedOffset[]): Promise<void>
  /** Revokes, commits nothing by itself, leaves the group. Idempotent. */
  leave(deadlineMs: number): Promise<void>
}
export interface CommittedOffset extends PartitionOffset {
  /** '' when none. */
  readonly metadata: string
}

/** Trouble the transport deals with by itself, told to be logged and counted: whoever opens it may listen. */
export interface Trouble {
  readonly kind: TroubleKind
  readonly error: MillraceError
}
export type TroubleListener = (trouble: Trouble) => void

/* ----------------------------------------------------------------- readers */

export interface Reader {
  /**
   * The next chunks, at least one, possibly with no batches; fetches ahead by one.
   * Rejects with `MR_OUT_OF_RANGE`, `MR_TOPIC_DELETED`, or when closed.
   */
  next(): Promise<readonly Chunk[]>
  close(): Promise<void>
}

/* --------------------------------------------------------------- producing */

export interface ProducerOptions {
  /** How long records may wait for others of their partition. Default 5. */
  readonly lingerMs?: number
  /** After which an unacknowledged record has failed. Default 120 000 (Kafka's delivery.timeout.ms). */
  readonly deliveryTimeoutMs?: number
}
export interface Producer {
  /**
   * Queues one record for a partition that exists; its bytes are copied. Order per partition is kept; retries neither duplicate nor
   * drop.
   * `delivery` hears of it later, never inside this call. `origin` is handed back if the record fails.
   */
  append(partition: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void
  /** Sends what waits without lingering. */
  flush(): void
  /** Bytes queued and not acknowledged. */
  readonly pendingBytes: number
  /** Resolves when all is acknowledged or failed; then closes. */
  close(): Promise<void>
}
/* ------------------------------------------------------------ transactions */

export interface TransactionOptions {
  /** Kafka's transactional.id: one producer at a time has it. */
  readonly transactionalId: string
  /** After which the log aborts a transaction whose producer is gone. Kafka's transaction.timeout.ms. */
  readonly timeoutMs: number
}
export interface TransactionalProducer {
  /** A place for the records of one task until its commit; any number may be open. */
  draft(): Draft
  /** One at a time. `offsets` are committed with it, as long as the generation of `member` lasts (KIP-447). */
  begin(member: Member, offsets: readonly CommittedOffset[]): Transaction
  /** Aborts what is open. Idempotent. */
  close(): Promise<void>
}
/** Records that wait, as bytes, for a transaction. */
export interface Draft {
  /** As that of a producer. `delivery` hears nothing before the draft is part of a transaction. */
  append(partition: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void
  /** Of what it holds, about. */
  readonly byteLength: number
}
/** Records and offsets that readers see together, or never. */
export interface Transaction {
  /** Takes over what the draft holds, which is empty then. Before `commit`. */
  add(draft: Draft): void
  /** As that of a producer. Nothing is sent before `commit`; a record that is refused leaves the others as they are. */
  append(partition: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void
  /**
   * Resolves when all of it counts, also what deliveries appended meanwhile. `mayEnd` is asked last, when all of it is in
   * the log: false aborts it. Rejects with `MR_FENCED` or `MR_ABORTED` when nothing of it counts or nobody can say (then the
   * committed offsets tell), with another code when trying again is no use. Either way it is over.
   */
  commit(mayEnd?: () => boolean): Promise<void>
}

/* -------------------------------------------------------------------------- */

export interface Delivery {
  /** `count` records were stored, durably where the log is durable; the last of them at `lastOffset`. */
  delivered(count: number, partition: TopicPartition, lastOffset: number): void
  /** One record that will never be stored. Others of its batch are not affected. */
  failed(error: MillraceError, origin: unknown): void
  /**
   * Asked when a batch is about to leave: true for what may no longer be written, because it was taken away meanwhile or the process
   * has slept. It fails with `MR_FENCED`. Asked of the first record of a batch; the others of its partition share its fate.
   */
  isVoid?(): boolean
}

import type { Clock } from '../../core/clock.js'
import { isMillraceError, MillraceError } from '../../core/errors.js'
import { stampAppendTime } from '../batch/rewrite.js'
import type { CommittedOffset, NewTopic, TopicInfo, TopicPartition } from '../port.js'
import { compacted, isCompacted, needsCompaction, retainedFrom } from './cleaning.js'
import { GroupCoordinator } from './group.js'
import type { LogView } from './log-view.js'
import { PartitionLog } from './partition-log.js'
import { nameOf, type LogStorage, type StoredTopic } from './storage.js'

/** A change of the log: written in the transaction of its turn, told about after it. */
interface Change {
  write(): void
  kept(): void
  failed(error: MillraceError): void
}

/** `kept` hears the offset of its last record. */
interface NewBatch {
  readonly log: PartitionLog
  readonly bytes: Buffer
  readonly kept: (lastOffset: number) => void
}

interface Topic extends StoredTopic {
  readonly logs: readonly PartitionLog[]
}

/**
 * The log of this process: topics, groups, offsets. What is asked for in one turn of the event loop is written in one
 * transaction at its end; then it is acknowledged, and readers are woken.
 */
export class Log implements LogView {
  private readonly topics = new Map<string, Topic>()
  private readonly offsets = new Map<string, Map<string, CommittedOffset>>()
  private readonly groups = new Map<string, GroupCoordinator>()
  /** By transactional id: who may write as it. */
  private readonly owners = new Map<string, object>()
  private readonly readers = new Set<() => void>()
  private readonly cleaning = new Map<PartitionLog, Promise<void>>()
  private changes: Change[] = []
  private readonly sealing: (() => void)[] = []
  private isScheduled = false
  private isClosed = false

  constructor(
    private readonly storage: LogStorage,
    readonly clock: Clock,
  ) {
    for (const topic of storage.topics()) this.addTopic(topic)
    for (const { groupId, ...offset } of storage.offsets()) this.offsetsOf(groupId).set(nameOf(offset), offset)
  }

  /* ------------------------------------------------------------------ topics */

  topic(name: string): TopicInfo | undefined {
    const topic = this.topics.get(name)
    return topic && { name, partitions: topic.partitions, isCompacted: isCompacted(topic.config) }
  }

  createTopics(wanted: readonly NewTopic[]): Promise<void> {
    const added: StoredTopic[] = []
    return this.change({
      write: () => {
        for (const { name, partitions, config } of wanted) {
          if (this.topics.has(name) || added.some((topic) => topic.name === name)) continue
          const topic = { id: this.topics.size + added.length, name, partitions, config }
          this.storage.putTopic(topic)
          added.push(topic)
        }
      },
      kept: () => {
        for (const topic of added) this.addTopic(topic)
      },
    })
  }

  find({ topic, partition }: TopicPartition): PartitionLog | undefined {
    return this.topics.get(topic)?.logs[partition]
  }

  partition(at: TopicPartition): PartitionLog {
    const log = this.find(at)
    if (log === undefined) throw new MillraceError('MR_TOPIC_MISSING', `partition ${at.partition} of topic ${at.topic} does not exist`)
    return log
  }

  private addTopic(topic: StoredTopic): void {
    const logs = Array.from(
      { length: topic.partitions },
      (_, partition) => new PartitionLog({ topic: topic.name, partition }, { topicId: topic.id, partition }, topic.config, this.storage),
    )
    this.topics.set(topic.name, { ...topic, logs })
  }

  /* ----------------------------------------------------------------- records */

  /** `kept` hears the offset of the last record. */
  append(log: PartitionLog, bytes: Buffer, kept: (lastOffset: number) => void, failed: (error: MillraceError) => void): void {
    const change = this.writing({ log, bytes, kept })
    this.submit({
      ...change,
      failed: (error) => {
        change.failed()
        failed(error)
      },
    })
  }

  /** Batches and offsets at once; `isAllowed` is asked when they are written. */
  transact(batches: readonly NewBatch[], groupId: string, offsets: readonly CommittedOffset[], isAllowed: () => boolean): Promise<void> {
    const changes = batches.map((batch) => this.writing(batch))
    const committing = this.committing(groupId, offsets)
    return new Promise((resolve, reject) => {
      let allowed = false
      this.submit({
        write: () => {
          allowed = isAllowed()
          if (allowed) for (const change of [...changes, committing]) change.write()
        },
        kept: () => {
          if (!allowed)
            return reject(
              new MillraceError(
                'MR_FENCED',
                `a commit came from a generation of group ${groupId} that is over, or from a producer that was replaced`,
              ),
            )
          for (const change of [...changes, committing]) change.kept()
          resolve()
        },
        failed: (error) => {
          for (const change of changes) change.failed()
          reject(error)
        },
      })
    })
  }

  /** From now on that transactional id is this owner's. */
  claim(transactionalId: string, owner: object): void {
    this.owners.set(transactionalId, owner)
  }
  isClaimedBy(transactionalId: string, owner: object): boolean {
    return this.owners.get(transactionalId) === owner
  }

  private writing({ log, bytes, kept }: NewBatch): { write(): void; kept(): void; failed(): void } {
    let stored: ReturnType<PartitionLog['append']> | undefined
    return {
      write: () => {
        if (log.config['message.timestamp.type'] === 'LogAppendTime') stampAppendTime(bytes, this.clock.now())
        stored = log.append(bytes)
      },
      kept: () => {
        if (stored === undefined) return
        log.keep(stored)
        kept(stored.lastOffset)
        this.cleanIfDue(log)
      },
      failed: () => log.forget(),
    }
  }

  deleteBelow(log: PartitionLog, offset: number): Promise<void> {
    let kept: () => void
    return this.change({ write: () => (kept = log.cutBelow(offset)), kept: () => kept() })
  }

  /** Retention and compaction of every topic, now. */
  async clean(): Promise<void> {
    await this.flushed()
    await Promise.all([...this.topics.values()].flatMap(({ logs }) => logs).map((log) => this.cleanNow(log, isCompacted(log.config))))
  }

  private cleanIfDue(log: PartitionLog): void {
    if (this.cleaning.has(log)) return
    const compacts = needsCompaction(log)
    if (!compacts && retainedFrom(log, this.clock.now()) <= log.start) return
    // Failing leaves the log as it was; the next append tries again.
    this.cleanNow(log, compacts).then(
      () => this.cleanIfDue(log),
      () => undefined,
    )
  }

  private cleanNow(log: PartitionLog, compacts: boolean): Promise<void> {
    const cleaning = (this.cleaning.get(log) ?? Promise.resolve())
      .catch(() => undefined) // whoever asked for that one hears of it
      .then(() => this.cleanOnce(log, compacts))
      .finally(() => {
        if (this.cleaning.get(log) === cleaning) this.cleaning.delete(log)
      })
    this.cleaning.set(log, cleaning)
    return cleaning
  }

  /** In two turns: what is compacted must be there. */
  private async cleanOnce(log: PartitionLog, compacts: boolean): Promise<void> {
    let kept: () => void
    const told = (): void => kept()
    await this.change({ write: () => (kept = log.cutBelow(retainedFrom(log, this.clock.now()))), kept: told })
    if (compacts) await this.change({ write: () => (kept = log.replace(compacted(log, this.clock.now()))), kept: told })
  }

  /* ------------------------------------------------------------------ groups */

  group(groupId: string): GroupCoordinator {
    const group = this.groups.get(groupId) ?? new GroupCoordinator(this, groupId)
    this.groups.set(groupId, group)
    return group
  }

  committed(groupId: string, partitions: readonly TopicPartition[]): readonly CommittedOffset[] {
    const offsets = this.offsetsOf(groupId)
    return partitions.map((at) => offsets.get(nameOf(at))).filter((offset) => offset !== undefined)
  }

  /** `isAllowed` is asked when it is written: a generation may have ended by then. */
  commit(groupId: string, offsets: readonly CommittedOffset[], isAllowed: () => boolean): Promise<void> {
    return this.transact([], groupId, offsets, isAllowed)
  }

  private committing(groupId: string, offsets: readonly CommittedOffset[]): { write(): void; kept(): void } {
    return {
      write: () => {
        for (const { topic, partition, offset, metadata } of offsets)
          this.storage.putOffset({ groupId, topic, partition, offset, metadata })
      },
      kept: () => {
        const known = this.offsetsOf(groupId)
        for (const { topic, partition, offset, metadata } of offsets)
          known.set(nameOf({ topic, partition }), { topic, partition, offset, metadata })
      },
    }
  }

  private offsetsOf(groupId: string): Map<string, CommittedOffset> {
    const offsets = this.offsets.get(groupId) ?? new Map<string, CommittedOffset>()
    this.offsets.set(groupId, offsets)
    return offsets
  }

  /* ----------------------------------------------------------------- turning */

  /** Calls `seal` at the end of this turn, before what it submits is written. */
  beforeWrite(seal: () => void): void {
    this.sealing.push(seal)
    this.schedule()
  }

  /** Resolves when all that was asked for has been written. */
  async flushed(): Promise<void> {
    await this.change({ write: () => undefined, kept: () => undefined })
  }

  /** Calls `wake` after records have come or gone; gives the way to stop that. */
  follow(wake: () => void): () => void {
    this.readers.add(wake)
    return () => void this.readers.delete(wake)
  }

  close(): void {
    if (this.isClosed) return
    this.turn()
    this.isClosed = true
    this.storage.close()
  }

  private change({ write, kept }: Pick<Change, 'write' | 'kept'>): Promise<void> {
    return new Promise((resolve, reject) => {
      const told = () => {
        kept()
        resolve()
      }
      this.submit({ write, kept: told, failed: reject })
    })
  }

  private submit(change: Change): void {
    this.changes.push(change)
    this.schedule()
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(() => this.turn())
  }

  private turn(): void {
    this.isScheduled = false
    for (const seal of this.sealing.splice(0)) seal()
    const { changes } = this
    this.changes = []
    if (changes.length === 0) return
    if (!this.write(changes)) return
    for (const change of changes) change.kept()
    for (const wake of this.readers) wake()
  }

  private write(changes: readonly Change[]): boolean {
    try {
      if (this.isClosed) throw new MillraceError('MR_APP_STOPPED', 'the log is closed')
      this.storage.transact(() => {
        for (const change of changes) change.write()
      })
      return true
    } catch (thrown) {
      const error = isMillraceError(thrown)
        ? thrown
        : new MillraceError('MR_STATE_WRITE', 'the log could not be written', { cause: thrown })
      for (const change of changes) change.failed(error)
      return false
    }
  }
}

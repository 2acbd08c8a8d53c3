import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type {
  GroupListener,
  GroupOptions,
  Member,
  NewTopic,
  OffsetSpec,
  PartitionOffset,
  Reader,
  TopicInfo,
  TopicPartition,
  TransactionOptions,
  Transport,
} from '../port.js'
import type { Log } from './log.js'
import type { Membership } from './membership.js'
import { EmbeddedProducer } from './producer.js'
import { EmbeddedReader } from './reader.js'
import { leaseLog, type Lease } from './registry.js'
import { EmbeddedTransactionalProducer } from './transactional-producer.js'

export interface EmbeddedTransport extends Transport {
  /**
   * As `kill -9` of its process would: members are gone without a revoke or a commit, what was not written yet is lost, and
   * whatever is done with them later is void. Others of the process go on.
   */
  kill(): void
}

/**
 * `stateDir`: the log lies in `<stateDir>/log`; ':memory:' is one in memory, gone with the last who uses it. Both are shared
 * by all of the process. `log`: one from `createMemoryLog`, which outlives its transports; each of them is then a process of
 * its own, as far as groups can tell.
 */
export type EmbeddedOptions = { readonly stateDir: string; readonly clock: Clock } | { readonly log: Log; readonly clock: Clock }

/** Throws `MR_STATE_LOCKED`, `MR_STATE_FORMAT`, `MR_LOG_DAMAGED`, `MR_STATE_WRITE`. */
export const embeddedTransport = async (options: EmbeddedOptions): Promise<EmbeddedTransport> =>
  new LogTransport('log' in options ? { log: options.log, release: () => undefined } : leaseLog(options.stateDir, options.clock))

class LogTransport implements EmbeddedTransport {
  private readonly log: Log
  private readonly members = new Map<Membership, string>()
  private readonly readers = new Set<Reader>()
  private readonly producers = new Set<EmbeddedProducer | EmbeddedTransactionalProducer>()
  private isClosed = false

  constructor(private readonly lease: Lease) {
    this.log = lease.log
  }

  async describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicInfo>> {
    this.assertOpen()
    const found = names.map((name) => this.log.topic(name)).filter((info) => info !== undefined)
    return new Map(found.map((info) => [info.name, info]))
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    this.assertOpen()
    const wrong = topics.find(({ partitions }) => !Number.isInteger(partitions) || partitions < 1)
    if (wrong) throw new MillraceError('MR_TOPIC_PARTITIONS', `topic ${wrong.name} cannot have ${wrong.partitions} partitions`)
    await this.log.createTopics(topics)
  }

  async listOffsets(partitions: readonly TopicPartition[], at: OffsetSpec): Promise<readonly PartitionOffset[]> {
    this.assertOpen()
    return partitions.map(({ topic, partition }) => ({ topic, partition, offset: this.log.partition({ topic, partition }).offsetAt(at) }))
  }

  async deleteRecords(offsets: readonly PartitionOffset[]): Promise<void> {
    this.assertOpen()
    await Promise.all(offsets.map((at) => this.log.deleteBelow(this.log.partition(at), at.offset)))
  }

  async join(options: GroupOptions, listener: GroupListener): Promise<Member> {
    this.assertOpen()
    const membership = this.log.group(options.groupId).join(options, listener)
    this.members.set(membership, options.groupId)
    return membership.joined
  }

  read(from: readonly PartitionOffset[]): Reader {
    this.assertOpen()
    const reader = new EmbeddedReader(this.log, from)
    this.readers.add(reader)
    return reader
  }

  async producer(): Promise<EmbeddedProducer> {
    this.assertOpen()
    const producer = new EmbeddedProducer(this.log)
    this.producers.add(producer)
    return producer
  }

  async transactionalProducer({ transactionalId }: TransactionOptions): Promise<EmbeddedTransactionalProducer> {
    this.assertOpen()
    const producer = new EmbeddedTransactionalProducer(this.log, transactionalId)
    this.producers.add(producer)
    return producer
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    for (const producer of this.producers) await producer.close()
    await this.letGo()
  }

  kill(): void {
    this.isClosed = true
    for (const producer of this.producers) producer.kill()
    void this.letGo()
  }

  private async letGo(): Promise<void> {
    for (const [membership, groupId] of this.members) this.log.group(groupId).drop(membership)
    const closing = [...this.readers].map((reader) => reader.close())
    this.lease.release()
    await Promise.all(closing)
  }

  private assertOpen(): void {
    if (this.isClosed) throw new MillraceError('MR_APP_STOPPED', 'the transport is closed')
  }
}

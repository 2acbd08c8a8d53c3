import { MillraceError } from '../../core/errors.js'
import type { CommittedOffset, Member, PartitionOffset, TopicPartition } from '../port.js'
import type { GroupIdentity } from './group-requests.js'

/** What a generation asks of the membership it belongs to. */
export interface Owner {
  isCurrent(generation: Generation): boolean
  /** A heartbeat was answered within the session timeout. */
  isHeard(): boolean
  start(at: PartitionOffset): void
  pause(at: TopicPartition): void
  resume(at: TopicPartition): void
  taken(at: TopicPartition, bytes: number): void
  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]>
  commit(identity: GroupIdentity, offsets: readonly CommittedOffset[]): Promise<void>
  leave(deadlineMs: number): Promise<void>
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`

/** A member as it is in one generation: once that is over it reads and commits nothing more. */
export class Generation implements Member {
  private readonly owned: ReadonlySet<string>

  constructor(
    private readonly owner: Owner,
    readonly identity: GroupIdentity,
    partitions: readonly TopicPartition[],
  ) {
    this.owned = new Set(partitions.map(keyOf))
  }

  get groupId(): string {
    return this.identity.groupId
  }
  get generation(): number {
    return this.identity.generation
  }
  isAlive(): boolean {
    return this.owner.isCurrent(this) && this.owner.isHeard()
  }
  start(at: PartitionOffset): void {
    if (this.owns(at)) this.owner.start(at)
  }
  pause(at: TopicPartition): void {
    if (this.owns(at)) this.owner.pause(at)
  }
  resume(at: TopicPartition): void {
    if (this.owns(at)) this.owner.resume(at)
  }
  taken(at: TopicPartition, bytes: number): void {
    if (this.owns(at)) this.owner.taken(at, bytes)
  }
  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return this.owner.committed(partitions)
  }
  commit(offsets: readonly CommittedOffset[]): Promise<void> {
    // The broker does not look whose partition it is; the generation is all it checks.
    if (!this.owner.isCurrent(this)) return Promise.reject(over(this.identity))
    return this.owner.commit(this.identity, offsets)
  }
  leave(deadlineMs: number): Promise<void> {
    return this.owner.leave(deadlineMs)
  }

  private owns(at: TopicPartition): boolean {
    return this.owner.isCurrent(this) && this.owned.has(keyOf(at))
  }
}

const over = ({ groupId, generation }: GroupIdentity): MillraceError =>
  new MillraceError('MR_FENCED', `generation ${generation} of group ${groupId} is over`)

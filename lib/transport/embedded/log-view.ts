import type { Clock } from '../../core/clock.js'
import type { CommittedOffset, TopicInfo, TopicPartition } from '../port.js'
import type { PartitionLog } from './partition-log.js'

/** What groups and readers see of the log. */
export interface LogView {
  readonly clock: Clock
  topic(name: string): TopicInfo | undefined
  find(at: TopicPartition): PartitionLog | undefined
  /** Calls `wake` after the log has changed; gives the way to stop that. */
  follow(wake: () => void): () => void
  committed(groupId: string, partitions: readonly TopicPartition[]): readonly CommittedOffset[]
  /** `isAllowed` is asked when it is written: a generation may have ended by then. */
  commit(groupId: string, offsets: readonly CommittedOffset[], isAllowed: () => boolean): Promise<void>
}

import type { Clock } from '../core/clock.js'
import type { Counters } from '../core/telemetry.js'
import type { SinkTopic } from '../topology/node.js'
import type { KeyedStore } from '../topology/operator.js'
import type { Member, Producer, TopicInfo, TopicPartition, Transport } from '../transport/port.js'
import type { Commits } from './commits.js'
import type { Failures } from './failures.js'
import type { Logging } from './logger.js'
import type { Taps } from './taps.js'

/** What the tasks of an app share. */
export interface Services extends Logging {
  readonly appId: string
  readonly clock: Clock
  readonly transport: Transport
  readonly counters: Counters
  readonly failures: Failures
  readonly taps: Taps
  /** Cap on uncommitted state per task; reaching it commits. */
  readonly dirtyBytes: number
  /** testContext: a stored value that its codec does not give back is `MR_CODEC_LOSSY`. */
  readonly checksCodecs: boolean
  /** For what is no output of a task: `send`, `sink`, repairs of a changelog. */
  readonly producer: () => Producer
  readonly isExactlyOnce: boolean
  /** One for each task. */
  readonly openCommits: () => Commits
  readonly member: () => Member
  /** Of topics that have been asked for. */
  readonly topicInfo: (name: string) => TopicInfo | undefined
  readonly discover: (topic: SinkTopic) => Promise<void>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the plan erases record types
  readonly globalTable: (name: string) => KeyedStore<any, any>
  readonly isPaused: () => boolean
  /** Nothing more will come to those inputs of what has been written to the sources of the app. */
  readonly isFedUp: (inputs: readonly (TopicPartition & { readonly nextOffset: number })[]) => Promise<boolean>
  /** Fails the app. */
  readonly fail: (error: Error) => void
  /** Something moved: whoever waits for the end looks again. */
  readonly onProgress: () => void
  /** The task is full of what is not committed. */
  readonly requestCommit: (task: SelfCommitting) => void
}

export interface SelfCommitting {
  readonly isCommitting: boolean
  commit(): Promise<void>
}

import type {
  GlobalTableSpec,
  Node,
  OperatorNode,
  Partitioner,
  RepartitionNode,
  SinkNode,
  SourceNode,
  SourceOptions,
  SourceTopic,
} from './node.js'
import type { Meeting } from './meetings.js'
import type { StoreSpec } from './operator.js'

/** What an app does, checked and cut; frozen. The runtime opens each sub-topology once per partition number. */
export interface Plan {
  readonly appId: string
  readonly subTopologies: readonly SubTopology[]
  /** All of them, also those that are only queried. */
  readonly globals: readonly GlobalTableSpec[]
}

/** What runs in one task: nodes connected without a topic in between, or by a store that one reads and another owns. */
export interface SubTopology {
  /** In order of declaration: changes when pipelines are added, so nothing that lasts is named by it. */
  readonly index: number
  /** The first of its input topics by name, which no other sub-topology reads: for folders. */
  readonly name: string
  /** In order of declaration. No topic is an input of two sub-topologies. */
  readonly inputs: readonly Input[]
  /** Parents before children. Its repartition nodes are the ones it reads; the ones it writes are in `writes`. */
  readonly nodes: readonly Node[]
  readonly stores: readonly PlannedStore[]
  readonly writes: readonly RepartitionWrite[]
  readonly sinks: readonly SinkNode[]
  readonly globals: readonly GlobalTableSpec[]
  /** Sets of input topics that must agree on partition counts, because keys of one are looked up in rows of another. */
  readonly copartitioned: readonly (readonly string[])[]
  readonly meetings: readonly Meeting[]
  /** Verbs that wait for a promise, and the task with them: see `awaitedIn`. */
  readonly awaited: readonly Node[]
}
export interface Input {
  /** As the broker knows it. */
  readonly topic: string
  /** One, unless a topic is both a stream and a table: then the records go to each, in this order. */
  readonly sources: readonly (SourceNode | RepartitionNode)[]
  /** One record is worked on at a time: see `isTakenByRecord`. */
  readonly isByRecord: boolean
  /** Null: a repartition topic, which is read from its start and never fails the range. */
  readonly options: SourceOptions | null
}
export interface PlannedStore {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the plan erases record types
  readonly spec: StoreSpec<any, any>
  readonly owner: OperatorNode
  /** Its name, whether it is needed or not: see `hasChangelog`. */
  readonly changelog: string
  readonly source: SourceTopic | null
}
export interface RepartitionWrite {
  readonly node: RepartitionNode
  readonly topic: string
  /** False: a record with a null key is dropped and counted; else it goes to a round-robin partition. */
  readonly keepsNullKeys: boolean
  /** That of the topics it must line up with; null: murmur2 of the key's bytes. */
  readonly partitioner: Partitioner | null
}

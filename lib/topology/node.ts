import type { Codec, Decoder, Encoder } from '../core/codec.js'
import type { Duration } from '../core/duration.js'
import type { Meta } from '../core/record.js'
import type { Operator, StoreSpec } from './operator.js'
import type { ErrorPolicy } from './policy.js'

/**
 * The plan's vocabulary: immutable descriptions, made by the DSL, cut into sub-topologies by `plan.ts`, opened by the
 * runtime. A node knows its parents, never its children. Types of records are erased here; the DSL has checked them.
 */
export type Node = SourceNode | RepartitionNode | OperatorNode | MergeNode | SinkNode

/** An output of a node: branch 0 unless the node is a route. */
export interface Port {
  readonly node: Node
  readonly branch: number
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the plan erases record types: variance positions */
export interface SourceNode {
  readonly kind: 'source'
  readonly label: string
  readonly topic: SourceTopic
  /** A table's source takes null values (deletes) and drops null keys. */
  readonly as: 'stream' | 'table'
  readonly options: SourceOptions
}
/** The reading half of a topic descriptor, with what the descriptor may carry beside it. */
export interface SourceTopic {
  readonly name: string
  readonly key: Decoder<any>
  readonly value: Decoder<any>
  readonly partitions?: number | undefined
  readonly config?: Readonly<Record<string, string>> | undefined
  readonly timestamp?: ((value: any, meta: Meta<any>) => number) | undefined
  readonly partition?: Partitioner | undefined
}
export type Partitioner = (key: any, partitions: number) => number
export interface SinkTopic {
  readonly name: string
  readonly key: Encoder<any>
  readonly value: Encoder<any>
  readonly partitions?: number | undefined
  readonly config?: Readonly<Record<string, string>> | undefined
  readonly partition?: Partitioner | undefined
}
/** Normalised `StreamOptions`: defaults filled in, so that two uses of a topic can be compared. */
export interface SourceOptions {
  readonly from: 'earliest' | 'latest' | { readonly time: number }
  readonly until: 'never' | 'now' | { readonly time: number }
  readonly onOutOfRange: 'fail' | 'earliest' | 'latest'
  readonly maxAheadMs: number
  readonly onError: ErrorPolicy | null
}

/** Cuts the topology: its parent's side writes `<app>-<name>-repartition`, its children's side reads it. */
export interface RepartitionNode {
  readonly kind: 'repartition'
  readonly label: string
  readonly name: string
  readonly parents: readonly [Port]
  readonly key: Codec<any>
  readonly value: Codec<any>
  /** Null: as many as what it is joined with; else as the largest source above it. */
  readonly partitions: number | null
  /** Asked for by `repartition()`: records without a key pass, too. One made for a verb drops them, unless a left join follows. */
  readonly isExplicit?: boolean | undefined
}

export interface OperatorNode {
  readonly kind: 'operator'
  readonly label: string
  readonly parents: readonly [Port]
  readonly operator: Operator
  /** Stores this node owns: it alone writes them. */
  readonly stores: readonly StoreUse[]
  /** Nodes whose stores it reads: they must live in the same task, so their sources must be co-partitioned with its own. */
  readonly reads: readonly Node[]
  /** Global tables it reads. */
  readonly globals: readonly GlobalTableSpec[]
  /** A left join answers records without a key too, so a repartition before it lets them pass. */
  readonly takesNullKeys?: boolean | undefined
  /** What the outputs of a route are called, for eyes only. */
  readonly branches?: readonly string[] | undefined
}
export interface StoreUse {
  readonly spec: StoreSpec<any, any>
  /** A `table(source)` whose rows are the topic's own bytes: when the topic is compacted the store is restored from it, and has no changelog. */
  readonly source: SourceTopic | null
}
export interface GlobalTableSpec {
  readonly name: string
  readonly topic: SourceTopic
  readonly key: Codec<any>
  readonly value: Codec<any>
}

export interface MergeNode {
  readonly kind: 'merge'
  readonly label: string
  readonly parents: readonly Port[]
}

export interface SinkNode {
  readonly kind: 'sink'
  readonly label: string
  readonly parents: readonly [Port]
  /** One topic, or chosen per record. */
  readonly to: SinkTopic | ((value: any, meta: Meta<any>) => SinkTopic)
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** Exhaustive over `Node`: a source has no parents. */
export const parentsOf = (node: Node): readonly Port[] => (node.kind === 'source' ? [] : node.parents)

/** How a message names a node: `orders → filter → groupBy`. */
export const pathOf = (node: Node): string => {
  const steps = [node.label]
  for (let parent = parentsOf(node)[0]; parent !== undefined; parent = parentsOf(parent.node)[0]) {
    // A repartition node stands for the verb above it, which has been named.
    if (parent.node.kind !== 'repartition') steps.unshift(parent.node.label)
  }
  return steps.join(' → ')
}

/**
 * How a source is read. One topic is one source: the same options each time it is used, or `MR_SOURCE_OPTIONS`.
 * @since 0.1.0
 */
export interface StreamOptions {
  /** Where a group without offsets starts. Default 'earliest'. */
  readonly from?: 'earliest' | 'latest' | { readonly at: number | Date } | undefined
  /** Stop reading there: the end as of the start, or a time (ms since the epoch). The app is `settled` when all such inputs are. Default: never. */
  readonly until?: 'now' | { readonly at: number | Date } | undefined
  /** When the committed offset is no longer in the log. Default 'fail'. */
  readonly onOutOfRange?: 'fail' | 'earliest' | 'latest' | undefined
  /** A record whose event time is further ahead of the wall clock than this is a failure at stage `decode`. Default '1d'. */
  readonly maxAhead?: Duration | undefined
  /** For records of this source; what fails behind a repartition topic is the app's. Default: the app's. */
  readonly onError?: ErrorPolicy | undefined
}

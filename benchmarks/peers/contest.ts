import type { TopicPartition } from '../../lib/transport/port.js'

export type Workload =
  /** JSON in, half of it kept, another JSON out. */
  | 'filter'
  /** Count by the key it comes with; every update goes out. */
  | 'count'
  /** Lines to words, over a repartition topic to a count; every update goes out. */
  | 'words'
  /** Count by key in tumbling windows of ten seconds; every update goes out. */
  | 'windows'
  /** Orders with their payments, within a minute and one of grace. */
  | 'join'
  /** A table of a million rows, whose disk is lost. */
  | 'restore'

/** What a peer is started with: one argument, as JSON. */
export interface Contest {
  readonly workload: Workload
  readonly delivery: 'at-least-once' | 'exactly-once'
  /** Ms; null: the default of the peer. */
  readonly commitEveryMs: number | null
  readonly brokers: readonly string[]
  readonly id: string
  readonly input: string
  /** Of a join, the right side. */
  readonly other: string
  readonly output: string
  readonly stateDir: string
}

export interface Order {
  readonly id: string
  readonly user: string
  readonly amount: number
  readonly note: string
}

export interface Payment {
  readonly order: string
  readonly paid: number
  readonly method: string
}

export const partitions = 4
export const allPartitions = (topic: string): TopicPartition[] =>
  Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))

/** What a peer prints, a JSON object a line. */
export interface Report {
  /** Ms since the epoch. */
  readonly firstAt?: number
  readonly restored?: number
  readonly restoreMs?: number
  /** Since the first record. */
  readonly cpuUs?: number
  readonly rssKb?: number
}

export type Side =
  | 'produce-kafkajs'
  | 'produce-ours'
  | 'produce-ours-lz4'
  | 'produce-ours-zstd'
  | 'consume-kafkajs'
  | 'consume-ours'
  | 'consume-ours-unchecked'
  | 'consume-reader'

/** What a side is started with: one argument, as JSON. */
export interface WireContest {
  readonly side: Side
  readonly brokers: readonly string[]
  readonly topic: string
  readonly records: number
}

/** What it prints when it is done: from its first record to the end, without connecting and joining. */
export interface WireReport {
  readonly seconds: number
  readonly cpuUs: number
  readonly rssKb: number
}

export const partitions = 4

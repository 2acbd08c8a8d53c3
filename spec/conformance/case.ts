/** A case as its file has it: see README.md. Times in ms. */
export interface Case {
  readonly case: string
  readonly config: Config
  readonly input: readonly (readonly [side: string, key: unknown, value: unknown, timestamp: number])[]
  readonly expected: readonly Result[]
  readonly expected_after: readonly number[]
  readonly compare: 'ordered' | 'unordered-within-step' | 'last-per-key-per-step'
  readonly expected_raw?: readonly Result[]
  readonly expected_raw_after?: readonly number[]
  readonly notes: string
}
export type Result = readonly [key: unknown, value: unknown, timestamp: number]

export interface WindowConfig {
  readonly type: 'time' | 'sliding' | 'session'
  readonly sizeMs?: number
  readonly advanceMs?: number
  readonly timeDifferenceMs?: number
  readonly gapMs?: number
  readonly graceMs: number
}
export interface SuppressConfig {
  readonly until: 'time-limit' | 'window-closes'
  readonly timeLimitMs?: number
  readonly buffer: 'unbounded' | { readonly maxRecords: number; readonly whenFull: 'emitEarly' | 'shutDown' }
}
export interface Config {
  readonly op: string
  readonly join?: 'inner' | 'left' | 'outer'
  readonly joiner?: string
  readonly beforeMs?: number
  readonly afterMs?: number
  readonly graceMs?: number
  readonly joinGraceMs?: number
  readonly repartition?: boolean
  readonly versionedHistoryRetentionMs?: number
  readonly leftVersionedHistoryRetentionMs?: number
  readonly rightVersionedHistoryRetentionMs?: number
  readonly then?: { readonly join: 'inner' | 'left' | 'outer'; readonly with: 'left' | 'right' }
  readonly window?: WindowConfig
  readonly agg?: { readonly kind: string; readonly init?: string; readonly sep?: string; readonly mergeSep?: string }
  readonly emit?: 'update' | 'close'
  readonly suppress?: SuppressConfig
  readonly suppressBefore?: SuppressConfig
  readonly aggregators?: readonly string[]
  readonly init?: string
  readonly mergeSep?: string
  readonly groupBy?: 'identity' | 'value->key'
  readonly adder?: string
  readonly subtractor?: string
  readonly count?: boolean
  readonly keySelector?: 'csv-field-1' | 'value'
}

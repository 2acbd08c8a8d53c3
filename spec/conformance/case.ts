/** A case as its file has it. Times in ms. */
export interface Case {
  readonly case: string
  readonly config: Config
  /** Words of the config that the runner does not know. */
  readonly unknown: readonly string[]
  readonly input: readonly Input[]
  readonly compare: Compare
  /** Results of a node, by its name: `expected` is the last of the pipeline. With each, the input after which it came, if that is known. */
  readonly expected: Readonly<Record<string, Recorded>>
}
export interface Recorded {
  readonly results: readonly Result[]
  readonly after: readonly number[] | null
}
export type Input = readonly [side: string, key: unknown, value: unknown, timestamp: number]
export type Result = readonly [key: unknown, value: unknown, timestamp: number]
/** What came out, input by input. */
export type Steps = readonly (readonly Result[])[]

export const compares = ['ordered', 'unordered-within-step', 'last-per-key-per-step'] as const
export type Compare = (typeof compares)[number]
export type JoinKind = 'inner' | 'left' | 'outer'

export interface WindowConfig {
  readonly type: 'time' | 'sliding' | 'session'
  readonly sizeMs?: number
  readonly advanceMs?: number
  readonly timeDifferenceMs?: number
  readonly gapMs?: number
  readonly graceMs?: number
  /** How long their store keeps a window; ours keeps it as long as it is needed. */
  readonly retentionMs?: number
}
export interface SuppressConfig {
  readonly until: 'time-limit' | 'window-closes'
  readonly timeLimitMs?: number
  readonly buffer?: 'unbounded' | { readonly maxRecords: number; readonly whenFull: 'emitEarly' | 'shutDown' }
}
export interface AggregateConfig {
  readonly kind: string
  readonly init?: unknown
  readonly sep?: string
  readonly mergeSep?: string
}
export interface Config {
  readonly op: string
  readonly join?: JoinKind
  readonly joiner?: string
  readonly beforeMs?: number
  readonly afterMs?: number
  readonly graceMs?: number
  readonly joinGraceMs?: number
  readonly repartition?: boolean
  readonly selfJoin?: boolean
  readonly versionedHistoryRetentionMs?: number
  readonly leftVersionedHistoryRetentionMs?: number
  readonly rightVersionedHistoryRetentionMs?: number
  readonly then?: { readonly join: JoinKind; readonly with: 'left' | 'right' }
  readonly window?: WindowConfig
  readonly agg?: AggregateConfig
  readonly emit?: 'update' | 'close'
  readonly suppress?: SuppressConfig
  readonly suppressBefore?: SuppressConfig
  readonly suppressLeft?: SuppressConfig
  readonly suppressRight?: SuppressConfig
  readonly aggregators?: readonly string[]
  readonly init?: unknown
  readonly mergeSep?: string
  readonly groupBy?: string
  readonly adder?: string
  readonly subtractor?: string
  readonly count?: boolean
  readonly keySelector?: string
  readonly foreignKeyExtractor?: string
  readonly predicate?: string
}

/** Every word a config may have: one that is not here may mean anything, so a case that differs says that it has one. */
const words: Readonly<Record<keyof Config, true>> = {
  op: true,
  join: true,
  joiner: true,
  beforeMs: true,
  afterMs: true,
  graceMs: true,
  joinGraceMs: true,
  repartition: true,
  selfJoin: true,
  versionedHistoryRetentionMs: true,
  leftVersionedHistoryRetentionMs: true,
  rightVersionedHistoryRetentionMs: true,
  then: true,
  window: true,
  agg: true,
  emit: true,
  suppress: true,
  suppressBefore: true,
  suppressLeft: true,
  suppressRight: true,
  aggregators: true,
  init: true,
  mergeSep: true,
  groupBy: true,
  adder: true,
  subtractor: true,
  count: true,
  keySelector: true,
  foreignKeyExtractor: true,
  predicate: true,
}

/** A case out of JSON, or an error that says what it lacks. A setting that is null is one that is not there. */
export const readCase = (json: unknown): Case => {
  const { case: name, config, input, compare, ...rest } = objectOf(json, 'the case')
  const settings = Object.entries(objectOf(config, 'its config')).filter(([, value]) => value !== null)
  if (typeof name !== 'string') throw new Error('it has no name')
  const mode = compares.find((known) => known === (compare ?? 'ordered'))
  if (mode === undefined) throw new Error(`it compares ${String(compare)}, which is none of ${compares.join(', ')}`)
  return {
    case: name,
    unknown: settings.map(([word]) => word).filter((word) => !Object.hasOwn(words, word)),
    config: Object.fromEntries(settings) as unknown as Config, // its words are known, what they say is looked at where it is used
    input: listOf(input, 'its input').map(inputOf),
    compare: mode,
    expected: expectedOf(rest),
  }
}

const expectedOf = (rest: Readonly<Record<string, unknown>>): Case['expected'] => {
  const names = Object.keys(rest).filter((name) => /^expected(_\w+)?$/.test(name) && !name.endsWith('_after'))
  if (!names.includes('expected')) throw new Error('it has no expected')
  return Object.fromEntries(
    names.map((name) => {
      const results = listOf(rest[name], name) as readonly Result[]
      const after = rest[`${name}_after`]
      if (after !== undefined && listOf(after, `${name}_after`).length !== results.length)
        throw new Error(`${name} and ${name}_after are of different lengths`)
      return [name, { results, after: (after as readonly number[] | undefined) ?? null }]
    }),
  )
}

const objectOf = (value: unknown, what: string): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is no object`)
  return value as Readonly<Record<string, unknown>>
}
const listOf = (value: unknown, what: string): readonly unknown[] => {
  if (!Array.isArray(value)) throw new Error(`${what} is no list`)
  return value
}
const inputOf = (record: unknown): Input => {
  const [side, , , timestamp] = listOf(record, 'a record of its input')
  if (typeof side !== 'string' || typeof timestamp !== 'number')
    throw new Error(`${JSON.stringify(record)} is no [side, key, value, timestamp]`)
  return record as Input
}

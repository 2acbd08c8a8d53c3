import { codec, type App, type KTable } from '../../lib/index.js'
import type { Config, JoinKind, SuppressConfig } from './case.js'
import type { Pipeline, Sides } from './pipelines.js'
import {
  adderOf,
  anyKey,
  groupingOf,
  joined,
  jsonTopic,
  predicateOf,
  reducerOf,
  reversibleOf,
  rowsTopic,
  selectorOf,
  type Json,
} from './words.js'

const output = jsonTopic('out')
const raw = jsonTopic('raw')
const json = codec.json()

type Table = KTable<Json, Json>

export const history = (ms: number | undefined) => (ms === undefined ? {} : { history: ms })

/** A table as it is, or filtered. */
export const tableSource = (config: Config, { one }: Sides): Pipeline => {
  const source = rowsTopic(one)
  return {
    inputs: { [one]: source },
    outputs: { expected: output },
    define: (app) => {
      const table = app.table(source, history(config.versionedHistoryRetentionMs))
      const kept = config.predicate === undefined ? table : table.filter(predicateOf(config.predicate))
      held(kept, config.suppress).toStream().toTopic(output)
    },
  }
}

/** A stream made a table. */
export const toTable = (config: Config, { one }: Sides): Pipeline => {
  const source = jsonTopic(one)
  return {
    inputs: { [one]: source },
    outputs: { expected: output },
    define: (app) => held(app.stream(source).toTable(), config.suppress).toStream().toTopic(output),
  }
}

const bothTables = (app: App, config: Config, { left, right }: Sides): readonly [Table, Table] => [
  held(app.table(rowsTopic(left), history(config.leftVersionedHistoryRetentionMs)), config.suppressLeft),
  held(app.table(rowsTopic(right), history(config.rightVersionedHistoryRetentionMs)), config.suppressRight),
]

export const tableTable = (config: Config, sides: Sides): Pipeline => ({
  inputs: { [sides.left]: rowsTopic(sides.left), [sides.right]: rowsTopic(sides.right) },
  outputs: { expected: output, ...(config.suppress && { expected_raw: raw }) },
  define: (app) => {
    const [left, right] = bothTables(app, config, sides)
    const first = joinedBy(config.join, left, right, config)
    const result = config.then ? joinedBy(config.then.join, first, config.then.with === 'left' ? left : right, config) : first
    if (config.suppress) result.toTopic(raw)
    held(result, config.suppress).toTopic(output)
  },
})

const joinedBy = (how: JoinKind | undefined, left: Table, right: Table, config: Config): Table => {
  switch (how) {
    case 'left':
      return left.leftJoin(right, (l, r) => joined(config, l, r._tag === 'Some' ? r.value : null))
    case 'outer':
      return left.outerJoin(right, (both) =>
        joined(config, both._tag === 'Right' ? null : both.left, both._tag === 'Left' ? null : both.right),
      )
    default:
      return left.join(right, (l, r) => joined(config, l, r))
  }
}

export const foreignKeyJoin = (config: Config, sides: Sides): Pipeline => {
  const select = selectorOf(config.foreignKeyExtractor ?? "text after '|'")
  return {
    inputs: { [sides.left]: rowsTopic(sides.left), [sides.right]: rowsTopic(sides.right) },
    outputs: { expected: output },
    define: (app) => {
      const [left, right] = bothTables(app, config, sides)
      const on = (value: Json, { key }: { readonly key: Json }): Json => select(value, key)
      const result =
        config.join === 'left'
          ? left.leftJoinOn(right, on, (l, r) => joined(config, l, r._tag === 'Some' ? r.value : null))
          : left.joinOn(right, on, (l, r) => joined(config, l, r))
      held(result, config.suppress).toTopic(output)
    },
  }
}

export const tableGroup = (config: Config, { one }: Sides): Pipeline => ({
  inputs: { [one]: rowsTopic(one) },
  outputs: { expected: output, ...(config.suppress && { expected_raw: raw }) },
  define: (app) => {
    const result = regrouped(held(app.table(rowsTopic(one)), config.suppressBefore), config)
    if (config.suppress) result.toTopic(raw)
    held(result, config.suppress).toTopic(output)
  },
})

const regrouped = (table: Table, config: Config): Table => {
  const grouping = groupingOf(config.groupBy)
  const group = table.groupBy((value, { key }) => grouping(value, key), anyKey, json)
  if (config.count === true || config.agg?.kind === 'count') return group.count()
  const add = config.agg && reducerOf(config.agg)
  if (add)
    return group.aggregate<Json>({
      empty: null,
      add: (acc, value) => (acc === null ? value : add(acc, value)),
      remove: adderOf(config.subtractor),
    })
  return group.aggregate(reversibleOf(config))
}

/** Held back, if it is: for a time, up to so many keys. */
export const held = <K>(table: KTable<K, Json>, suppress: SuppressConfig | undefined): KTable<K, Json> => {
  if (suppress === undefined) return table
  const { until, timeLimitMs = Infinity, buffer = 'unbounded' } = suppress
  if (until !== 'time-limit') throw new Error(`what has no windows is not held until ${JSON.stringify(until)}`)
  return table.suppress({
    within: Math.min(timeLimitMs, Number.MAX_SAFE_INTEGER),
    ...(buffer !== 'unbounded' && { maxKeys: buffer.maxRecords, whenFull: buffer.whenFull === 'emitEarly' ? 'emit' : 'fail' }),
  })
}

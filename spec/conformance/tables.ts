import type { App, KTable } from '../../lib/index.js'
import type { Config, SuppressConfig } from './case.js'
import { adderOf, joined, jsonTopic, rowsTopic, type Json } from './words.js'
import type { Pipeline } from './pipelines.js'
import { codec } from '../../lib/index.js'

const leftRows = rowsTopic('left')
const rightRows = rowsTopic('right')
const input = rowsTopic('in')
const output = jsonTopic('out')
const raw = jsonTopic('raw')

type Table = KTable<Json, Json>

const tablesOf = (app: App, config: Config): readonly [Table, Table] => {
  const history = (ms: number | undefined) => (ms === undefined ? {} : { history: ms })
  return [
    app.table(leftRows, history(config.leftVersionedHistoryRetentionMs)),
    app.table(rightRows, history(config.rightVersionedHistoryRetentionMs)),
  ]
}

export const tableTable = (config: Config): Pipeline => ({
  inputs: { left: leftRows, right: rightRows },
  outputs: { expected: output },
  define: (app) => {
    const [left, right] = tablesOf(app, config)
    const first = joinedBy(config.join, left, right, config)
    const then = config.then && joinedBy(config.then.join, first, config.then.with === 'left' ? left : right, config)
    ;(then ?? first).toTopic(output)
  },
})

const joinedBy = (how: Config['join'], left: Table, right: Table, config: Config): Table => {
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

export const tableGroup = (config: Config): Pipeline => ({
  inputs: { in: input },
  outputs: { expected: output, ...(config.suppress && { expected_raw: raw }) },
  define: (app) => {
    const result = regrouped(app, config)
    if (config.suppress === undefined) return result.toTopic(output)
    result.toTopic(raw)
    return held(result, config.suppress).toTopic(output)
  },
})

const json = codec.json()

/** Text after '|' of the left value; none, or the word for it, is null. */
const foreignKey = (value: Json): string | null => {
  const found = String(value).split('|')[1]
  return found === undefined || found === 'returnNull' ? null : found
}

export const foreignKeyJoin = (config: Config): Pipeline => ({
  inputs: { left: leftRows, right: rightRows },
  outputs: { expected: output },
  define: (app) => {
    const [left, right] = tablesOf(app, config)
    const result =
      config.join === 'left'
        ? left.leftJoinOn(right, foreignKey, (l, r) => joined(config, l, r._tag === 'Some' ? r.value : null))
        : left.joinOn(right, foreignKey, (l, r) => joined(config, l, r))
    result.toTopic(output)
  },
})

const regrouped = (app: App, config: Config): Table => {
  const source = app.table(input)
  const table = config.suppressBefore ? held(source, config.suppressBefore) : source
  const group = table.groupBy((value, { key }) => (config.groupBy === 'identity' ? [key, value] : [value, value]), json, json)
  if (config.count === true) return group.count()
  const [add, remove] = [adderOf(config.adder), adderOf(config.subtractor)]
  return group.aggregate<string>({
    empty: config.init ?? '',
    add: (acc, value) => add(acc, value),
    remove: (acc, value) => remove(acc, value),
  })
}

const held = (table: Table, { timeLimitMs = Infinity, buffer }: SuppressConfig): Table =>
  table.suppress({
    within: Math.min(timeLimitMs, Number.MAX_SAFE_INTEGER),
    ...(buffer !== 'unbounded' && { maxKeys: buffer.maxRecords, whenFull: buffer.whenFull === 'emitEarly' ? 'emit' : 'fail' }),
  })

import type { App, JoinWindow, KStream } from '../../lib/index.js'
import type { Config, JoinKind } from './case.js'
import type { Pipeline, Sides } from './pipelines.js'
import { history } from './tables.js'
import { joined, jsonTopic, rowsTopic, selectorOf, type Json } from './words.js'

const output = jsonTopic('out')

type Stream = KStream<Json, Json>

const streamOf = (app: App, side: string, { repartition }: Config): Stream => {
  const stream = app.stream(jsonTopic(side))
  return repartition ? stream.repartition() : stream
}

export const streamStream = (config: Config, { left, right }: Sides): Pipeline => {
  const isSelf = config.selfJoin === true
  return {
    inputs: { [left]: jsonTopic(left), ...(!isSelf && { [right]: jsonTopic(right) }) },
    outputs: { expected: output },
    define: (app) => {
      const l = streamOf(app, left, config)
      const r = isSelf ? l : streamOf(app, right, config)
      const window = { within: { before: config.beforeMs ?? 0, after: config.afterMs ?? 0 }, grace: config.graceMs ?? 0 }
      const first = joinedBy(config.join, l, r, { ...window, name: 'first' }, config)
      const { then } = config
      const result = then ? joinedBy(then.join, first, then.with === 'left' ? l : r, { ...window, name: 'second' }, config) : first
      result.toTopic(output)
    },
  }
}

const joinedBy = (how: JoinKind | undefined, left: Stream, right: Stream, window: JoinWindow, config: Config): Stream => {
  switch (how) {
    case 'left':
      return left.leftJoin(right, window, (l, r, { key }) => joined(config, l, r._tag === 'Some' ? r.value : null, key))
    case 'outer':
      return left.outerJoin(right, window, (both, { key }) =>
        joined(config, both._tag === 'Right' ? null : both.left, both._tag === 'Left' ? null : both.right, key),
      )
    default:
      return left.join(right, window, (l, r, { key }) => joined(config, l, r, key))
  }
}

export const streamTable = (config: Config, { left, right }: Sides): Pipeline => ({
  inputs: { [left]: jsonTopic(left), [right]: rowsTopic(right) },
  outputs: { expected: output },
  define: (app) => {
    const table = app.table(rowsTopic(right), history(config.versionedHistoryRetentionMs ?? config.rightVersionedHistoryRetentionMs))
    const graceMs = config.joinGraceMs ?? config.graceMs
    const options = graceMs === undefined ? {} : { grace: graceMs }
    const stream = streamOf(app, left, config)
    const result =
      config.join === 'left'
        ? stream.leftJoin(table, (l, r, { key }) => joined(config, l, r._tag === 'Some' ? r.value : null, key), options)
        : stream.join(table, (l, r, { key }) => joined(config, l, r, key), options)
    result.toTopic(output)
  },
})

export const streamGlobal = (config: Config, { left, right }: Sides): Pipeline => {
  const select = selectorOf(config.keySelector)
  const on = (value: Json, { key }: { readonly key: Json }): Json => select(value, key)
  return {
    inputs: { [left]: jsonTopic(left), [right]: rowsTopic(right) },
    outputs: { expected: output },
    define: (app) => {
      const table = app.globalTable(rowsTopic(right))
      const result =
        config.join === 'left'
          ? app.stream(jsonTopic(left)).leftJoin(table, on, (l, r, { key }) => joined(config, l, r._tag === 'Some' ? r.value : null, key))
          : app.stream(jsonTopic(left)).join(table, on, (l, r, { key }) => joined(config, l, r, key))
      result.toTopic(output)
    },
  }
}

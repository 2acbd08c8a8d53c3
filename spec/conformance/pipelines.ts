import type { App, KStream, KTable, Topic, WindowOptions, Windowed } from '../../lib/index.js'
import type { Config } from './case.js'
import { foreignKeyJoin, tableGroup, tableTable } from './tables.js'
import { adderOf, concat, fixedWindow, joined, jsonTopic, rowsTopic, sessionWindow, windowedTopic, type Json } from './words.js'

type Output = Topic<Json, Json> | Topic<Windowed<Json>, Json>

/** What a case needs: where its records go in, and where its results come out. */
export interface Pipeline {
  readonly inputs: Readonly<Record<string, Topic<Json, Json>>>
  readonly outputs: { readonly expected: Output; readonly expected_raw?: Output }
  readonly define: (app: App) => unknown
}

const left = jsonTopic('left')
const rows = rowsTopic('right')
const input = jsonTopic('in')
const output = jsonTopic('out')
const windowed = windowedTopic('out')
const raw = windowedTopic('raw')

const windowedAggregate = (config: Config): Pipeline => {
  const emit = config.emit === 'close' || config.suppress !== undefined ? 'final' : 'updates'
  return {
    inputs: { in: input },
    outputs: { expected: windowed, ...(config.suppress && { expected_raw: raw }) },
    define: (app) => {
      folded(app, config, { emit }, 'folded').toTopic(windowed)
      if (config.suppress) folded(app, config, { emit: 'updates' }, 'raw').toTopic(raw)
    },
  }
}

const folded = (app: App, { window, agg }: Config, options: WindowOptions, name: string): KTable<Windowed<Json>, Json> => {
  if (window === undefined || agg === undefined) throw new Error('a windowed aggregate has a window and an aggregator')
  const group = app.stream(input).groupByKey()
  const windows = window.type === 'session' ? group.window(sessionWindow(window, options)) : group.window(fixedWindow(window, options))
  switch (agg.kind) {
    case 'count':
      return windows.count({ name })
    case 'reduce-concat':
      return windows.reduce((a, b) => `${String(a)}${agg.sep ?? ''}${String(b)}`, { name })
    case 'concat':
      return windows.aggregate(concat(agg), { name })
    default:
      throw new Error(`no aggregator ${agg.kind}`)
  }
}

const sides = ['one', 'two', 'three', 'four', 'five']

const cogroup = ({ aggregators = [], init = '', mergeSep = '', window }: Config): Pipeline => {
  const topics = aggregators.map((_, i) => jsonTopic(sides[i] ?? `side-${i}`))
  return {
    inputs: Object.fromEntries(topics.map((topic) => [topic.name, topic])),
    outputs: { expected: window ? windowed : output },
    define: (app) => {
      const groups = topics.map((topic) => app.stream(topic).groupByKey())
      const [first, ...others] = groups
      if (first === undefined) throw new Error('a cogroup has a group')
      const all = others.reduce((more, group, i) => more.with(group, adderOf(aggregators[i + 1])), first.cogroup(adderOf(aggregators[0])))
      if (window === undefined) all.aggregate(init).toTopic(output)
      else if (window.type === 'session')
        all
          .window(sessionWindow(window, {}))
          .aggregate(init, (a, b) => `${a}${mergeSep}${b}`)
          .toTopic(windowed)
      else all.window(fixedWindow(window, {})).aggregate(init).toTopic(windowed)
    },
  }
}

const streamTable = (config: Config): Pipeline => ({
  inputs: { left, right: rows },
  outputs: { expected: output },
  define: (app) => {
    const history = config.versionedHistoryRetentionMs
    const table = app.table(rows, history === undefined ? {} : { history })
    const options = config.joinGraceMs === undefined ? {} : { grace: config.joinGraceMs }
    const stream = config.repartition ? app.stream(left).repartition() : app.stream(left)
    const result =
      config.join === 'left'
        ? stream.leftJoin(table, (l, r) => joined(config, l, r._tag === 'Some' ? r.value : null), options)
        : stream.join(table, (l, r) => joined(config, l, r), options)
    result.toTopic(output)
  },
})

const right = jsonTopic('right')

const streamStream = (config: Config): Pipeline => ({
  inputs: { left, right },
  outputs: { expected: output },
  define: (app) => {
    const moved = (stream: KStream<Json, Json>): KStream<Json, Json> => (config.repartition ? stream.repartition() : stream)
    const [l, r] = [moved(app.stream(left)), moved(app.stream(right))]
    const within = { within: { before: config.beforeMs ?? 0, after: config.afterMs ?? 0 }, grace: config.graceMs ?? 0 }
    const result =
      config.join === 'inner'
        ? l.join(r, within, (a, b) => joined(config, a, b))
        : config.join === 'left'
          ? l.leftJoin(r, within, (a, b) => joined(config, a, b._tag === 'Some' ? b.value : null))
          : l.outerJoin(r, within, (both) =>
              joined(config, both._tag === 'Right' ? null : both.left, both._tag === 'Left' ? null : both.right),
            )
    result.toTopic(output)
  },
})

const streamGlobal = (config: Config): Pipeline => {
  const on = (value: Json): Json => (config.keySelector === 'value' ? value : (String(value).split(',')[1] ?? null))
  return {
    inputs: { left, right: rows },
    outputs: { expected: output },
    define: (app) => {
      const table = app.globalTable(rows)
      const result =
        config.join === 'left'
          ? app.stream(left).leftJoin(table, on, (l, r) => joined(config, l, r._tag === 'Some' ? r.value : null))
          : app.stream(left).join(table, on, (l, r) => joined(config, l, r))
      result.toTopic(output)
    },
  }
}

const tableSource = (): Pipeline => {
  const source = rowsTopic('in')
  return { inputs: { in: source }, outputs: { expected: output }, define: (app) => app.table(source).toStream().toTopic(output) }
}

const builders: Readonly<Record<string, (config: Config) => Pipeline>> = {
  'windowed-aggregate': windowedAggregate,
  cogroup,
  'kstream-kstream-join': streamStream,
  'kstream-ktable-join': streamTable,
  'kstream-globalktable-join': streamGlobal,
  'ktable-source': tableSource,
  'ktable-ktable-join': tableTable,
  'ktable-groupby-aggregate': tableGroup,
  'ktable-ktable-fk-join': foreignKeyJoin,
}

/** Null: no verb of ours says that yet. */
export const pipelineOf = (config: Config): Pipeline | null => {
  return builders[config.op]?.(config) ?? null
}

import type { App, KTable, WindowOptions, Windowed } from '../../lib/index.js'
import type { Config } from './case.js'
import type { Pipeline, Sides } from './pipelines.js'
import { held } from './tables.js'
import { adderOf, aggregatorOf, fixedWindow, jsonTopic, reducerOf, sessionWindow, windowedTopic, type Json } from './words.js'

const output = jsonTopic('out')
const windowed = windowedTopic('out')
const raw = windowedTopic('raw')

/** A stream, by key: counted, reduced or folded. */
export const aggregate = (config: Config, { one }: Sides): Pipeline => {
  const input = jsonTopic(one)
  return {
    inputs: { [one]: input },
    outputs: { expected: output },
    define: (app) => {
      const group = app.stream(input).groupByKey()
      const agg = config.agg ?? { kind: 'count' }
      const reduce = reducerOf(agg)
      const table: KTable<Json, Json> =
        agg.kind === 'count' ? group.count() : reduce ? group.reduce(reduce) : group.aggregate(aggregatorOf(agg))
      held(table, config.suppress).toTopic(output)
    },
  }
}

/** Held until its window closes is what we call final; held for a time is held. */
export const windowedAggregate = (config: Config, { one }: Sides): Pipeline => {
  const { suppress, emit } = config
  const isFinal = emit === 'close' || suppress?.until === 'window-closes'
  const limit = suppress?.until === 'window-closes' && typeof suppress.buffer === 'object' ? { maxOpen: suppress.buffer.maxRecords } : {}
  return {
    inputs: { [one]: jsonTopic(one) },
    outputs: { expected: windowed, ...(suppress && { expected_raw: raw }) },
    define: (app) => {
      const result = folded(app, config, one, { emit: isFinal ? 'final' : 'updates', ...limit }, 'folded')
      const out = suppress?.until === 'time-limit' ? held(result, suppress) : result
      out.toTopic(windowed)
      if (suppress) folded(app, config, one, { emit: emit === 'close' ? 'final' : 'updates' }, 'raw').toTopic(raw)
    },
  }
}

const folded = (app: App, { window, agg }: Config, side: string, options: WindowOptions, name: string): KTable<Windowed<Json>, Json> => {
  if (window === undefined || agg === undefined) throw new Error('a windowed aggregate has a window and an agg')
  const group = app.stream(jsonTopic(side)).groupByKey()
  const windows = window.type === 'session' ? group.window(sessionWindow(window, options)) : group.window(fixedWindow(window, options))
  const reduce = reducerOf(agg)
  if (agg.kind === 'count') return windows.count({ name })
  return reduce ? windows.reduce(reduce, { name }) : windows.aggregate(aggregatorOf(agg), { name })
}

const ordinals = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']

export const cogroup = (config: Config): Pipeline => {
  const { aggregators = [], init = '', window, emit } = config
  const mergeSep = config.mergeSep ?? config.agg?.mergeSep ?? ''
  const topics = aggregators.map((_, i) => jsonTopic(ordinals[i] ?? `input-${i}`))
  const options: WindowOptions = { emit: emit === 'close' || config.suppress?.until === 'window-closes' ? 'final' : 'updates' }
  return {
    inputs: Object.fromEntries(topics.map((topic) => [topic.name, topic])),
    outputs: { expected: window ? windowed : output },
    define: (app) => {
      const [first, ...others] = topics.map((topic) => app.stream(topic).groupByKey())
      if (first === undefined) throw new Error('a cogroup has aggregators')
      const all = others.reduce((more, group, i) => more.with(group, adderOf(aggregators[i + 1])), first.cogroup(adderOf(aggregators[0])))
      if (window === undefined) return all.aggregate(init).toTopic(output)
      if (window.type !== 'session') return all.window(fixedWindow(window, options)).aggregate(init).toTopic(windowed)
      const merge = (a: Json, b: Json): string => `${String(a)}${mergeSep}${String(b)}`
      return all.window(sessionWindow(window, options)).aggregate(init, merge).toTopic(windowed)
    },
  }
}

import {
  codec,
  hopping,
  session,
  sliding,
  topic,
  tumbling,
  type FixedWindows,
  type SessionWindows,
  type Topic,
  type WindowOptions,
} from '../../lib/index.js'
import type { Mergeable } from '../../lib/table/aggregator.js'
import type { Config, WindowConfig } from './case.js'

/** Keys and values of the cases are whatever JSON has. */
export type Json = unknown
const json = codec.nullable(codec.json())
export const jsonTopic = (name: string): Topic<Json, Json> => topic(name, { key: json, value: json })
export const windowedTopic = (name: string) => topic(name, { key: codec.windowed(json), value: json })
export const rowsTopic = (name: string): Topic<Json, Json> => topic(name, { key: json, value: codec.json() })

/** A template over {l} and {r}; an absent side prints as null. */
export const joined = (config: Config, left: Json, right: Json): string =>
  (config.joiner ?? '').replaceAll('{l}', text(left)).replaceAll('{r}', text(right))

const text = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null))

type Adding = (acc: string, value: Json) => string
const adders: Readonly<Record<string, Adding>> = {
  'concat-add': (acc, value) => `${acc}+${text(value)}`,
  'concat-remove': (acc, value) => `${acc}-${text(value)}`,
  append: (acc, value) => `${acc}${text(value)}`,
}
export const adderOf = (name: string | undefined): Adding => {
  const adder = adders[name ?? '']
  if (adder === undefined) throw new Error(`no adder ${String(name)}`)
  return adder
}

export const concat = ({ init = '', sep = '', mergeSep = '' }: NonNullable<Config['agg']>): Mergeable<unknown, Json, string> => ({
  empty: init,
  add: (acc, value) => `${acc}${sep}${text(value)}`,
  merge: (a, b) => `${a}${mergeSep}${b}`,
})

export const fixedWindow = (window: WindowConfig, options: WindowOptions): FixedWindows => {
  const all = { ...options, grace: window.graceMs }
  if (window.type === 'sliding') return sliding(window.timeDifferenceMs ?? 0, all)
  const size = window.sizeMs ?? 0
  return window.advanceMs === undefined ? tumbling(size, all) : hopping(size, { ...all, every: window.advanceMs })
}
export const sessionWindow = (window: WindowConfig, options: WindowOptions): SessionWindows =>
  session(window.gapMs ?? 0, { ...options, grace: window.graceMs })

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
import type { Mergeable, Reversible } from '../../lib/table/aggregator.js'
import type { AggregateConfig, Config, WindowConfig } from './case.js'

/** Keys and values of the cases are whatever JSON has. */
export type Json = unknown
export const anyKey = codec.nullable(codec.json())
export const jsonTopic = (name: string): Topic<Json, Json> => topic(name, { key: anyKey, value: anyKey })
export const windowedTopic = (name: string) => topic(name, { key: codec.windowed(anyKey), value: anyKey })
export const rowsTopic = (name: string): Topic<Json, Json> => topic(name, { key: anyKey, value: codec.json() })

/** A template over {l}, {r} and {k}; an absent side prints as null. */
export const joined = (config: Config, left: Json, right: Json, key: Json = null): string =>
  (config.joiner ?? '').replace(/\{[lrk]\}/g, (side) => text(side === '{l}' ? left : side === '{r}' ? right : key))

export const text = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null))

/** What stands behind a name, or an error that says which there are. */
const named = <A>(what: string, names: Readonly<Record<string, A>>, name: string | undefined): A => {
  const found = Object.hasOwn(names, name ?? '') ? names[name ?? ''] : undefined
  if (found === undefined) throw new Error(`the runner knows no ${what} ${JSON.stringify(name)}, only ${Object.keys(names).join(', ')}`)
  return found
}

type Adding = (acc: Json, value: Json) => Json
const plus: Adding = (acc, value) => Number(acc) + Number(value)
const minus: Adding = (acc, value) => Number(acc) - Number(value)
const adders: Readonly<Record<string, Adding>> = {
  'concat-add': (acc, value) => `${text(acc)}+${text(value)}`,
  'concat-remove': (acc, value) => `${text(acc)}-${text(value)}`,
  append: (acc, value) => `${text(acc)}${text(value)}`,
  'remove-all': (acc, value) => text(acc).replaceAll(text(value), ''),
  sum: plus,
  add: plus,
  subtract: minus,
  count: (acc) => Number(acc) + 1,
  uncount: (acc) => Number(acc) - 1,
}
export const adderOf = (name: string | undefined): Adding => named('adder', adders, name)

type Reducer = (a: Json, b: Json, sep: string) => Json
const reducers: Readonly<Record<string, Reducer>> = {
  'reduce-concat': (a, b, sep) => `${text(a)}${sep}${text(b)}`,
  'reduce-sum': plus,
  'reduce-min': (a, b) => Math.min(Number(a), Number(b)),
  'reduce-max': (a, b) => Math.max(Number(a), Number(b)),
  'reduce-last': (_a, b) => b,
}
export const reducerOf = ({ kind, sep = '' }: AggregateConfig): ((a: Json, b: Json) => Json) | null => {
  const reduce = Object.hasOwn(reducers, kind) ? reducers[kind] : undefined
  return reduce ? (a, b) => reduce(a, b, sep) : null
}

const folds: Readonly<Record<string, (config: AggregateConfig) => Adding>> = {
  concat:
    ({ sep = '' }) =>
    (acc, value) =>
      `${text(acc)}${sep}${text(value)}`,
  append: () => adderOf('append'),
  'concat-add': () => adderOf('concat-add'),
  'concat-remove': () => adderOf('concat-remove'),
  sum: () => plus,
}
/** What is neither a count nor a reduce. */
export const aggregatorOf = (agg: AggregateConfig): Mergeable<unknown, Json, Json> => ({
  empty: agg.init ?? (agg.kind === 'sum' ? 0 : ''),
  add: named('agg.kind', folds, agg.kind)(agg),
  merge: mergeOf(agg.kind, agg.mergeSep),
})
const mergeOf = (kind: string, mergeSep = ''): Adding => (kind === 'sum' ? plus : (a, b) => `${text(a)}${mergeSep}${text(b)}`)

export const reversibleOf = ({ init = '', adder, subtractor }: Config): Reversible<unknown, Json, Json> => {
  const [add, remove] = [adderOf(adder), adderOf(subtractor)]
  return { empty: init, add: (acc, value) => add(acc, value), remove: (acc, value) => remove(acc, value) }
}

const options = ({ graceMs = 0 }: WindowConfig, more: WindowOptions): WindowOptions => ({ ...more, grace: graceMs })

export const fixedWindow = (window: WindowConfig, more: WindowOptions): FixedWindows => {
  switch (window.type) {
    case 'sliding':
      return sliding(window.timeDifferenceMs ?? 0, options(window, more))
    case 'time': {
      const size = window.sizeMs ?? 0
      return window.advanceMs === undefined
        ? tumbling(size, options(window, more))
        : hopping(size, { ...options(window, more), every: window.advanceMs })
    }
    default:
      throw new Error(`the runner knows no window ${JSON.stringify(window.type)}, only time, sliding, session`)
  }
}
export const sessionWindow = (window: WindowConfig, more: WindowOptions): SessionWindows =>
  session(window.gapMs ?? 0, options(window, more))

/** How the key of another table is read from a value. */
export const selectorOf = (name: string | undefined): ((value: Json, key: Json) => Json) => {
  const field = /^csv-field-(\d+)$/.exec(name ?? '')
  if (field) return (value) => text(value).split(',')[Number(field[1])] ?? null
  if (name?.includes("after '|'")) return (value) => afterBar(value)
  return named('key selector', { value: (value: Json) => value, key: (_value: Json, key: Json) => key }, name)
}

/** Text after '|'; none, or the word for it, is null. */
const afterBar = (value: Json): string | null => {
  const found = text(value).split('|')[1]
  return found === undefined || found === 'returnNull' ? null : found
}

type Grouping = (value: Json, key: Json) => readonly [Json, Json]
const groupings: Readonly<Record<string, Grouping>> = {
  identity: (value, key) => [key, value],
  'value->key': (value) => [value, value],
  'key-chars': (_value, key) => [text(key).charAt(0), text(key).charAt(1)],
}
export const groupingOf = (name: string | undefined): Grouping => named('groupBy', groupings, name)

const predicates: Readonly<Record<string, (value: Json) => boolean>> = {
  even: (value) => Number(value) % 2 === 0,
  odd: (value) => Number(value) % 2 !== 0,
}
export const predicateOf = (name: string | undefined): ((value: Json) => boolean) => named('predicate', predicates, name)

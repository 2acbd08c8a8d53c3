import type { App, Topic, Windowed } from '../../lib/index.js'
import { aggregate, cogroup, windowedAggregate } from './aggregates.js'
import type { Case, Config } from './case.js'
import { streamGlobal, streamStream, streamTable } from './joins.js'
import { foreignKeyJoin, tableGroup, tableSource, tableTable, toTable } from './tables.js'
import type { Json } from './words.js'

type Output = Topic<Json, Json> | Topic<Windowed<Json>, Json>

/** What a case needs: where its records go in, by side, and where its results come out, by the name the case gives them. */
export interface Pipeline {
  readonly inputs: Readonly<Record<string, Topic<Json, Json>>>
  readonly outputs: Readonly<Record<string, Output>> & { readonly expected: Output }
  readonly define: (app: App) => unknown
}

/** What the input calls the one input of a pipeline, or the two. */
export interface Sides {
  readonly one: string
  readonly left: string
  readonly right: string
}

const builders: Readonly<Record<string, (config: Config, sides: Sides) => Pipeline>> = {
  aggregate,
  'kstream-aggregate': aggregate,
  'windowed-aggregate': windowedAggregate,
  cogroup,
  'kstream-kstream-join': streamStream,
  'kstream-self-join': (config, sides) => streamStream({ ...config, selfJoin: true }, sides),
  'kstream-ktable-join': streamTable,
  'kstream-globalktable-join': streamGlobal,
  'kstream-to-ktable': toTable,
  'ktable-source': tableSource,
  'ktable-filter': tableSource,
  'ktable-ktable-join': tableTable,
  'ktable-groupby-aggregate': tableGroup,
  'ktable-ktable-fk-join': foreignKeyJoin,
}

/** Built with the public API; an error if there is no way to say it. */
export const pipelineOf = ({ config, input }: Case): Pipeline => {
  const build = Object.hasOwn(builders, config.op) ? builders[config.op] : undefined
  if (build === undefined) throw new Error(`the runner knows no op ${JSON.stringify(config.op)}, only ${Object.keys(builders).join(', ')}`)
  const one = input[0]?.[0] ?? 'in'
  return build(config, { one, left: config.selfJoin ? one : 'left', right: 'right' })
}

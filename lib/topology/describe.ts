import { toMermaid } from './mermaid.js'
import { outlineOf, type Outline, type OutlineStep, type OutlineStore, type OutlineSubTopology } from './outline.js'
import type { Plan } from './sub-topology.js'

/**
 * What an app does, for people and tools: `String(app.describe())` is text, `toMermaid()` a flowchart, `toJSON()` data. All of
 * them name every store and every internal topic.
 * @since 0.1.0
 */
export interface Topology {
  /** Text for people. */
  toString(): string
  /** A flowchart in Mermaid's language. */
  toMermaid(): string
  /** The same as data, for tools. */
  toJSON(): unknown
}

export const describe = (plan: Plan): Topology => {
  const outline = outlineOf(plan)
  return Object.freeze({ toString: () => toText(outline), toMermaid: () => toMermaid(outline), toJSON: () => outline })
}

const toText = ({ app, subTopologies, globals }: Outline): string =>
  [
    `app ${app}`,
    ...subTopologies.map((sub) => ['', ...subTopologyText(sub)].join('\n')),
    ...(globals.length === 0
      ? []
      : ['', ...globals.map(({ name, topic }) => (name === topic ? `global table ${name}` : `global table ${name} of ${topic}`))]),
    '',
  ].join('\n')

const subTopologyText = ({ index, steps }: OutlineSubTopology): readonly string[] => [`sub-topology ${index}`, ...steps.flatMap(stepText)]

const stepText = (step: OutlineStep): readonly string[] => {
  const from =
    step.from.length === 0 ? '' : ` <- ${step.from.map(({ id, branch }) => (branch === null ? id : `${id}.${branch}`)).join(', ')}`
  switch (step.kind) {
    case 'source':
      return [`  source ${step.topic}`]
    case 'table source':
      return [`  table source ${step.topic}`]
    case 'repartition source':
      return [`  source ${step.topic} (repartition)`]
    case 'verb':
      return [`  ${step.id}${from}${reads(step.reads)}`, ...step.stores.map(storeText)]
    case 'merge':
      return [`  ${step.id}${from}`]
    case 'sink':
      return [`  sink ${step.topic ?? '(by record)'}${from}`]
    case 'repartition sink':
      return [`  sink ${step.topic} (repartition${step.partitions === null ? '' : `, ${step.partitions} partitions`})${from}`]
    default:
      return step satisfies never
  }
}

const reads = (tables: readonly string[]): string => (tables.length === 0 ? '' : `, reads ${tables.join(', ')}`)

const storeText = ({ name, kind, changelog, source }: OutlineStore): string =>
  `    store ${name} (${kind}), ${source === null ? '' : `restored from ${source} if that is compacted, else from `}changelog ${changelog}`

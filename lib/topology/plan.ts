import { MillraceError } from '../core/errors.js'
import { cut } from './cut.js'
import { changelogTopic, checkName, repartitionTopic } from './names.js'
import { parentsOf, pathOf, type GlobalTableSpec, type Node } from './node.js'
import type { Plan } from './sub-topology.js'

export type { Input, Plan, PlannedStore, RepartitionWrite, SubTopology } from './sub-topology.js'

/** What the DSL has noted down: everything the verbs made, in order of declaration, so parents come before children. */
export interface Declaration {
  readonly nodes: readonly Node[]
  /** What is run for its own sake: sinks, stores, taps, terminal verbs, subscribed streams. Only what leads to one of them runs. */
  readonly roots: readonly Node[]
  readonly globals: readonly GlobalTableSpec[]
}

/**
 * Checks what can be checked without a broker, drops what leads nowhere, and cuts at repartition topics.
 * Throws `MR_TOPOLOGY_EMPTY`, `MR_NAME_INVALID`, `MR_NAME_AMBIGUOUS`, `MR_CO_PARTITIONING` (partitioners).
 */
export const buildPlan = (declaration: Declaration, appId: string): Plan => {
  checkName(appId, 'the id of the app')
  const running = leadingTo(declaration.roots)
  const nodes = declaration.nodes.filter((node) => running.has(node))
  if (nodes.length === 0 && declaration.globals.length === 0) throw new MillraceError('MR_TOPOLOGY_EMPTY', `app ${appId} has nothing to do`)
  checkNames(nodes, appId)
  return Object.freeze({ appId, subTopologies: Object.freeze(cut(nodes, appId)), globals: Object.freeze([...declaration.globals]) })
}

const leadingTo = (roots: readonly Node[]): ReadonlySet<Node> => {
  const found = new Set<Node>()
  const waiting = [...roots]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (found.has(node)) continue
    found.add(node)
    waiting.push(...parentsOf(node).map((parent) => parent.node))
    if (node.kind === 'operator') waiting.push(...node.reads)
  }
  return found
}

/** Every name is one that Kafka takes, and belongs to one verb. */
const checkNames = (nodes: readonly Node[], appId: string): void => {
  const topics = new Map<string, Node>()
  const claim = (topic: string, name: string, what: string, node: Node) => {
    checkName(name, `the name of the ${what} of ${pathOf(node)}`)
    checkName(topic, `the topic of the ${what} of ${pathOf(node)}`)
    const older = topics.get(topic)
    if (older === undefined) return void topics.set(topic, node)
    const what2 = `"${name}" would be the ${what} of ${pathOf(older)} and of ${pathOf(node)}`
    throw new MillraceError('MR_NAME_AMBIGUOUS', `${what2}; name the newer one, ${adviceFor(node)}`)
  }
  for (const node of nodes) {
    if (node.kind === 'repartition') claim(repartitionTopic(appId, node.name), node.name, 'repartition topic', node)
    if (node.kind === 'operator') for (const { spec } of node.stores) claim(changelogTopic(appId, spec.name), spec.name, 'store', node)
  }
}

const adviceFor = (node: Node): string =>
  node.kind === 'repartition'
    ? `with \`name\` where it gets its key or with repartition({ name }) behind it, or let both go on from one stream`
    : `with { name: ... } in ${node.label}`

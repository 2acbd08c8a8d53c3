import { MillraceError } from '../core/errors.js'
import { Groups } from './groups.js'
import { awaitedIn, isTakenByRecord, meetingsOf } from './meetings.js'
import { changelogTopic, repartitionTopic } from './names.js'
import { parentsOf, type Node, type OperatorNode, type Partitioner, type RepartitionNode, type SinkNode, type SourceNode } from './node.js'
import type { Input, PlannedStore, RepartitionWrite, SubTopology } from './sub-topology.js'

/**
 * The connected parts of a plan. An edge into a repartition node is none: its records go through a topic. Two sources of one
 * topic are in one part, since a partition can have only one task that commits its offsets.
 */
export const cut = (nodes: readonly Node[], appId: string): readonly SubTopology[] => {
  const parts = new Groups<Node>()
  const sources = new Map<string, Node>()
  for (const node of nodes) {
    parts.add(node)
    if (node.kind === 'source') parts.unite(node, sources.get(node.topic.name) ?? node)
    if (node.kind === 'source') sources.set(node.topic.name, node)
    if (node.kind !== 'repartition') for (const parent of parentsOf(node)) parts.unite(node, parent.node)
    if (node.kind === 'operator') for (const read of node.reads) parts.unite(node, read)
  }
  const writes = nodes.filter((node) => node.kind === 'repartition').map((node) => ({ node, write: writeOf(node, nodes, appId) }))
  return parts.all().map((members, index) => {
    const own = writes
      .filter(
        ({
          node: {
            parents: [parent],
          },
        }) => members.includes(parent.node),
      )
      .map(({ write }) => write)
    return Object.freeze(subTopology(members, own, appId, index))
  })
}

const subTopology = (members: readonly Node[], writes: readonly RepartitionWrite[], appId: string, index: number): SubTopology => {
  const inputs = inputsOf(members, appId)
  const operators = members.filter((node) => node.kind === 'operator')
  return {
    index,
    name: inputs.map(({ topic }) => topic).sort()[0] ?? String(index),
    inputs,
    nodes: members,
    stores: operators.flatMap((owner) => storesOf(owner, appId)),
    writes,
    sinks: members.filter((node): node is SinkNode => node.kind === 'sink'),
    globals: [...new Set(operators.flatMap((node) => node.globals))],
    copartitioned: copartitionedIn(members, appId),
    meetings: meetingsOf(
      members,
      inputs.map(({ sources }) => sources),
    ),
    awaited: awaitedIn(members),
  }
}

const topicOf = (node: SourceNode | RepartitionNode, appId: string): string =>
  node.kind === 'source' ? node.topic.name : repartitionTopic(appId, node.name)

const inputsOf = (members: readonly Node[], appId: string): readonly Input[] => {
  const byTopic = new Map<string, (SourceNode | RepartitionNode)[]>()
  for (const node of members) {
    if (node.kind !== 'source' && node.kind !== 'repartition') continue
    const topic = topicOf(node, appId)
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), node])
  }
  return [...byTopic].map(([topic, sources]) => ({
    topic,
    sources,
    isByRecord: isTakenByRecord(members, sources),
    options: sources[0]?.kind === 'source' ? sources[0].options : null,
  }))
}

const storesOf = (owner: OperatorNode, appId: string): readonly PlannedStore[] =>
  owner.stores.map(({ spec, source }) => ({ spec, owner, changelog: changelogTopic(appId, spec.name), source }))

const writeOf = (node: RepartitionNode, nodes: readonly Node[], appId: string): RepartitionWrite => {
  const topic = repartitionTopic(appId, node.name)
  const isBeforeLeftJoin = nodes.some(
    (child) => child.kind === 'operator' && child.takesNullKeys === true && child.parents[0].node === node,
  )
  const group = copartitionGroups(nodes).groupOf(node)
  const partitioner = group.map(partitionerOf).find((own) => own !== null) ?? null
  return { node, topic, keepsNullKeys: node.isExplicit === true || isBeforeLeftJoin, partitioner }
}

/* ------------------------------------------------------------------ co-partitioning */

/** Inputs whose equal keys must meet: those above a verb that keeps or looks up rows by key. */
const copartitionGroups = (nodes: readonly Node[]): Groups<SourceNode | RepartitionNode> => {
  const groups = new Groups<SourceNode | RepartitionNode>()
  for (const node of nodes) {
    if (node.kind === 'source' || node.kind === 'repartition') groups.add(node)
    if (node.kind !== 'operator' || (node.stores.length === 0 && node.reads.length === 0)) continue
    const [first, ...others] = [node, ...node.reads].flatMap((read) => [...inputsAbove(read)])
    for (const other of others) if (first) groups.unite(first, other)
  }
  return groups
}

/** The inputs whose records reach a node within its task. */
export const inputsAbove = (node: Node): ReadonlySet<SourceNode | RepartitionNode> => {
  const inputs = new Set<SourceNode | RepartitionNode>()
  const seen = new Set<Node>()
  const visit = (above: Node): void => {
    if (seen.has(above)) return
    seen.add(above)
    if (above.kind === 'source' || above.kind === 'repartition') inputs.add(above)
    else for (const parent of above.parents) visit(parent.node)
  }
  visit(node)
  return inputs
}

const copartitionedIn = (members: readonly Node[], appId: string): readonly (readonly string[])[] =>
  copartitionGroups(members)
    .all()
    .filter((group) => group.length > 1)
    .map((group) => {
      checkPartitioners(group, appId)
      return [...new Set(group.map((input) => topicOf(input, appId)))]
    })
    .filter((topics) => topics.length > 1)

const partitionerOf = (input: SourceNode | RepartitionNode): Partitioner | null =>
  input.kind === 'source' ? (input.topic.partition ?? null) : null

/** A repartition topic takes the partitioner of the others; of topics that exist, all must have been written with one. */
const checkPartitioners = (group: readonly (SourceNode | RepartitionNode)[], appId: string): void => {
  const sources = group.filter((input) => input.kind === 'source')
  const odd = sources.find((source) => partitionerOf(source) !== partitionerOf(sources[0] ?? source))
  if (odd === undefined || sources[0] === undefined) return
  const names = `${topicOf(sources[0], appId)} and ${topicOf(odd, appId)}`
  throw new MillraceError(
    'MR_CO_PARTITIONING',
    `${names} are brought together by key, but their descriptors have different \`partition\` functions`,
  )
}

import { parentsOf, type Node, type RepartitionNode, type SourceNode } from './node.js'
import type { SubTopology } from './sub-topology.js'

/**
 * Whether records of an input meet themselves again: two ways lead from it to one join, or to a verb and to the table it
 * reads. Batches take the ways one after the other, so such an input is taken record by record: else the one side would be
 * a batch ahead of the other, and windows would close before what belongs in them has come.
 */
export const rejoins = ({ nodes }: SubTopology, sources: readonly (SourceNode | RepartitionNode)[]): boolean => {
  const isAbove = above(nodes, new Set<Node>(sources))
  return nodes.some((node) => {
    if (!isMeeting(node)) return false
    const ways = waysInto(node).filter((way) => isAbove.has(way))
    return ways.length > 1
  })
}

/** Where what comes by one way waits for what comes by another. A merge of others is as it comes. */
const isMeeting = (node: Node): boolean =>
  node.kind === 'merge' ? node.isMeeting === true : node.kind === 'operator' && node.reads.length > 0

const waysInto = (node: Node): readonly Node[] => {
  const parents = parentsOf(node).map((parent) => parent.node)
  return node.kind === 'operator' ? [...parents, ...node.reads] : parents
}

/** The sources and all that follows them; parents come before children. */
const above = (nodes: readonly Node[], sources: ReadonlySet<Node>): ReadonlySet<Node> => {
  const found = new Set<Node>(sources)
  for (const node of nodes) if (node.kind !== 'repartition' && waysInto(node).some((way) => found.has(way))) found.add(node)
  return found
}

import { parentsOf, type Node, type OperatorNode, type Port, type RepartitionNode, type SourceNode } from './node.js'
import { Groups } from './groups.js'
import type { SubTopology } from './sub-topology.js'

export interface Way {
  readonly from: Port
  readonly to: Node
}
/**
 * Verbs that must be given what comes by several ways in the order in which the task took it: a merge, or a table and the verbs that
 * read it. By itself a way is in that order, but one may be later than the other.
 */
export interface Meeting {
  /** As records that are taken one by one would come by them: of what comes of one record, that of the first way comes first. */
  readonly ways: readonly Way[]
  /** What an input gives comes by several of the ways, to be sorted by record. */
  readonly sorts: boolean
  /**
   * Ways from one of them to another, behind a promise. There is no order in which to give what comes by these and what was taken
   * later but one after the other: as long as something is on its way to one of them, nothing is taken.
   */
  readonly returns: readonly Way[]
}

/** Those where the order must be seen to: behind promises, and where records of one input come together again. */
export const meetingsOf = (sub: SubTopology): readonly Meeting[] => {
  const late = lateNodes(sub.nodes, new Set(sub.nodes))
  const belowInputs = sub.inputs.map(({ sources }) => below(sub.nodes, sources))
  const order = waysIn(sub)
  const placeOf = (way: Way): number => order.findIndex((other) => isSameWay(way, other))
  return [...merges(sub.nodes), ...tables(sub.nodes)].flatMap(({ ways, returns }) => {
    const sorts = belowInputs.some((nodes) => ways.filter(({ from }) => nodes.has(from.node)).length > 1)
    const isOneLate = ways.length > 1 && ways.some(({ from }) => late.has(from.node))
    if (!sorts && !isOneLate && returns.length === 0) return []
    return [{ ways: ways.toSorted((a, b) => placeOf(a) - placeOf(b)), sorts, returns }]
  })
}

export const isSameWay = (a: Way, b: Way): boolean => a.to === b.to && a.from.node === b.from.node && a.from.branch === b.from.branch

/** In the order in which a record takes them. */
const waysIn = ({ nodes, inputs }: SubTopology): readonly Way[] => {
  const found: Way[] = []
  const seen = new Set<Node>()
  const follow = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    const next = nodes.flatMap((to) => within(to).flatMap((from): Way[] => (from.node === node ? [{ from, to }] : [])))
    for (const way of next.sort((a, b) => a.from.branch - b.from.branch)) {
      found.push(way)
      follow(way.to)
    }
  }
  for (const { sources } of inputs) for (const source of sources) follow(source)
  return found
}

/**
 * Two ways lead from an input to a verb and to the table it reads. Batches take the ways one after the other, so such an input is taken
 * record by record: else the table would be a batch ahead.
 */
export const isTakenByRecord = ({ nodes }: SubTopology, sources: readonly (SourceNode | RepartitionNode)[]): boolean => {
  const found = below(nodes, sources)
  return nodes.some(
    (node) => node.kind === 'operator' && node.reads.length > 0 && waysInto(node).filter((way) => found.has(way)).length > 1,
  )
}

const waysInto = (node: OperatorNode): readonly Node[] => [...node.parents.map((parent) => parent.node), ...node.reads]

const within = (node: Node): readonly Port[] => (node.kind === 'repartition' ? [] : parentsOf(node))

/** The sources and all that follows them. */
const below = (nodes: readonly Node[], sources: Iterable<Node>): ReadonlySet<Node> => {
  const found = new Set<Node>(sources)
  // Parents come before children.
  for (const node of nodes)
    if (within(node).some((parent) => found.has(parent.node)) || (node.kind === 'operator' && node.reads.some((read) => found.has(read))))
      found.add(node)
  return found
}

/** Behind promises of those: what they give comes later than what was taken with it. What comes at any time is in no order anyway. */
const lateNodes = (nodes: readonly Node[], promises: ReadonlySet<Node>): ReadonlySet<Node> => {
  const late = new Set<Node>()
  for (const node of nodes) {
    const answers = node.kind === 'operator' && node.operator.kind === 'per-batch' ? node.operator.answers : undefined
    if ((answers === 'in turn' && promises.has(node)) || (answers === undefined && within(node).some((parent) => late.has(parent.node))))
      late.add(node)
  }
  return late
}

type Ways = Pick<Meeting, 'ways' | 'returns'>

const merges = (nodes: readonly Node[]): readonly Ways[] =>
  nodes.flatMap((node) => (node.kind === 'merge' ? [{ ways: node.parents.map((from): Way => ({ from, to: node })), returns: [] }] : []))

/** A way that goes on from one of them to another is none into them: it is as far as they are. */
const tables = (nodes: readonly Node[]): readonly Ways[] => {
  const groups = new Groups<Node>()
  for (const node of nodes) if (node.kind === 'operator') for (const read of node.reads) groups.unite(read, node)
  return groups.all().map((members) => {
    const inside = below(nodes, members)
    const late = lateNodes(nodes, inside)
    const all = nodes.filter((node) => members.includes(node)).flatMap((to) => within(to).map((from): Way => ({ from, to })))
    const ways = all.filter(({ from }) => !inside.has(from.node))
    return { ways, returns: all.filter(({ from }) => inside.has(from.node) && late.has(from.node)) }
  })
}

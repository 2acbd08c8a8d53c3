import { Groups } from './groups.js'
import { parentsOf, type Node, type OperatorNode, type Port, type RepartitionNode, type SourceNode } from './node.js'

export interface Way {
  readonly from: Port
  readonly to: Node
}
/**
 * Verbs that must be given what comes by several ways in the order in which the task took it: a merge, or tables and the verbs that
 * read them. By itself a way is in that order, but one may be later than the other.
 */
export interface Meeting {
  /** As records that are taken one by one would come by them: of what comes of one record, that of the first way comes first. */
  readonly ways: readonly Way[]
  /** What an input gives comes by several of the ways, to be sorted by record. */
  readonly sorts: boolean
  /**
   * Ways from one of them to another on which something is late. What comes by these can only come before what was taken later if
   * that is not taken: as long as something is on its way to one of them, nothing is.
   */
  readonly returns: readonly Way[]
}

type Input = readonly (SourceNode | RepartitionNode)[]

/** Those where the order must be seen to: behind promises, and where records of one input come together again. */
export const meetingsOf = (nodes: readonly Node[], inputs: readonly Input[]): readonly Meeting[] => {
  const all = candidatesIn(nodes)
  const flows = inputs.map((sources) => below(nodes, sources, parents))
  const order = waysFrom(nodes, inputs.flat())
  const placeOf = (way: Way): number => order.findIndex((other) => isSameWay(way, other))
  return all.flatMap((candidate) => {
    const { members, ways, inner, isOrdered } = candidate
    const late = lateNodes(nodes, all, members)
    const meetsItself = flows.some((flow) => {
      const own = ways.filter(({ from }) => flow.has(from.node))
      return own.length > 1 && own.some(isOrdered)
    })
    const isOneLate = ways.length > 1 && ways.some(({ from }) => late.has(from.node))
    const returns = inner.filter(({ from }) => late.has(from.node))
    if (!meetsItself && !isOneLate && returns.length === 0) return []
    return [{ ways: ways.toSorted((a, b) => placeOf(a) - placeOf(b)), sorts: meetsItself, returns }]
  })
}

export const isSameWay = (a: Way, b: Way): boolean => a.to === b.to && a.from.node === b.from.node && a.from.branch === b.from.branch

/**
 * Two ways lead from an input to a verb and to the table it reads. Batches take the ways one after the other, so such an input is taken
 * record by record: else the table would be a batch ahead.
 */
export const isTakenByRecord = (nodes: readonly Node[], sources: Input): boolean => {
  const found = below(nodes, sources, (node) => [...parents(node), ...readsOf(node)])
  return nodes.some((node) => readsOf(node).length > 0 && [...parents(node), ...readsOf(node)].filter((way) => found.has(way)).length > 1)
}

/* -------------------------------------------------------------- candidates */

interface Candidate {
  readonly members: ReadonlySet<Node>
  /** From elsewhere to one of them. */
  readonly ways: readonly Way[]
  /** From what comes of them to one of them: as far as they are. */
  readonly inner: readonly Way[]
  /** Whether it matters what comes by this way before what comes by others. */
  readonly isOrdered: (way: Way) => boolean
}

const candidatesIn = (nodes: readonly Node[]): readonly Candidate[] => {
  const tables = tableGroups(nodes)
  const merges = nodes.filter((node) => node.kind === 'merge').map((node) => new Set<Node>([node]))
  const read = new Set(nodes.flatMap(readsOf))
  return [
    ...merges.map((members) => ({ members, ways: waysInto(nodes, members), inner: [], isOrdered: () => true })),
    ...tables.map((members) => {
      const after = afterAll(nodes, members, tables)
      const all = waysInto(nodes, members)
      return {
        members,
        ways: all.filter(({ from }) => !after.has(from.node)),
        inner: all.filter(({ from }) => after.has(from.node)),
        // Those that only read do not disturb each other.
        isOrdered: ({ to }: Way) => read.has(to),
      }
    }),
  ]
}

/** Tables and who reads them. Groups that wait for each other are one: each would wait for what waits at the other. */
const tableGroups = (nodes: readonly Node[]): readonly ReadonlySet<Node>[] => {
  const groups = new Groups<Node>()
  for (const node of nodes) for (const owner of readsOf(node)) groups.unite(owner, node)
  for (;;) {
    const all = groups.all().map((members) => new Set(members))
    const afters = all.map((members) => ({ members, after: afterAll(nodes, members, all) }))
    const leads = (a: (typeof afters)[number], b: (typeof afters)[number]): boolean =>
      waysInto(nodes, b.members).some(({ from }) => a.after.has(from.node))
    const circles = afters.flatMap((a) =>
      afters.filter((b) => a !== b && leads(a, b) && leads(b, a)).map((b) => [...a.members, ...b.members]),
    )
    const [circle] = circles
    if (circle === undefined) return all
    for (const node of circle) groups.unite(circle[0] as Node, node)
  }
}

/** They, what comes of them, and who has to wait for that: if one of a group is reached, all of it may wait. */
const afterAll = (nodes: readonly Node[], members: ReadonlySet<Node>, groups: readonly ReadonlySet<Node>[]): ReadonlySet<Node> => {
  let found: ReadonlySet<Node> = members
  for (let size = -1; size !== found.size;) {
    size = found.size
    const waiting = groups.filter((group) => [...group].some((node) => found.has(node)))
    found = below(nodes, [...found, ...waiting.flatMap((group) => [...group])], parents)
  }
  return found
}

/* ---------------------------------------------------------------- lateness */

/**
 * What these give comes later than what was taken with it: they are behind a promise, or in one meeting with what is. What is answered
 * at any time is in no order anyway. `inTime`: verbs that are given everything in order.
 */
const lateNodes = (nodes: readonly Node[], candidates: readonly Candidate[], inTime: ReadonlySet<Node>): ReadonlySet<Node> => {
  const late = new Set<Node>()
  const isLate = (node: Node): boolean => {
    const answers = answersOf(node)
    if (answers !== undefined) return answers === 'in turn'
    if (parents(node).some((parent) => late.has(parent))) return true
    return candidates.some(({ members, ways }) => members.has(node) && ways.some(({ from }) => late.has(from.node)))
  }
  for (let size = -1; size !== late.size;) {
    size = late.size
    for (const node of nodes) if (!inTime.has(node) && isLate(node)) late.add(node)
  }
  return late
}

const answersOf = (node: Node): 'in turn' | 'at any time' | undefined =>
  node.kind === 'operator' && node.operator.kind === 'per-batch' ? node.operator.answers : undefined

/* ------------------------------------------------------------------- graph */

/** What leads to a node within its task. */
const portsInto = (node: Node): readonly Port[] => (node.kind === 'repartition' ? [] : parentsOf(node))
const parents = (node: Node): readonly Node[] => portsInto(node).map((port) => port.node)
const readsOf = (node: Node): OperatorNode['reads'] => (node.kind === 'operator' ? node.reads : [])

const waysInto = (nodes: readonly Node[], members: Iterable<Node>): readonly Way[] => {
  const into = new Set(members)
  return nodes.flatMap((to) => (into.has(to) ? portsInto(to).map((from): Way => ({ from, to })) : []))
}

/** These, and all that `above` leads from them to. */
const below = (nodes: readonly Node[], start: Iterable<Node>, above: (node: Node) => readonly Node[]): ReadonlySet<Node> => {
  const found = new Set<Node>(start)
  // Parents come before children.
  for (const node of nodes) if (above(node).some((one) => found.has(one))) found.add(node)
  return found
}

/** In the order in which a record takes them. */
const waysFrom = (nodes: readonly Node[], sources: readonly Node[]): readonly Way[] => {
  const found: Way[] = []
  const seen = new Set<Node>()
  const follow = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    const next = waysInto(nodes, nodes).filter(({ from }) => from.node === node)
    for (const way of next.toSorted((a, b) => a.from.branch - b.from.branch)) {
      found.push(way)
      follow(way.to)
    }
  }
  for (const source of sources) follow(source)
  return found
}

import { Groups } from './groups.js'
import { parentsOf, type Node, type OperatorNode, type Port, type RepartitionNode, type SourceNode } from './node.js'

export interface Way {
  readonly from: Port
  readonly to: Node
  /** Which of those that lead there: several may come from one port. */
  readonly index: number
}
/**
 * Verbs that must be given what comes by several ways in the order in which the task took it: a merge, the sinks of one topic, or
 * tables and the verbs that read them. By itself a way is in that order, but one may be later than the other.
 */
export interface Meeting {
  /** As records that are taken one by one would come by them: of what comes of one record, that of the first way comes first. */
  readonly ways: readonly Way[]
  /** What an input gives comes by several of the ways, to be sorted by record. */
  readonly sorts: boolean
}

type Input = readonly (SourceNode | RepartitionNode)[]

/** Those where the order must be seen to: behind promises, and where records of one input come together again. */
export const meetingsOf = (nodes: readonly Node[], inputs: readonly Input[]): readonly Meeting[] => {
  const all = candidatesIn(nodes)
  const flows = inputs.map((sources) => below(nodes, sources, parents))
  const order = waysFrom(nodes, inputs.flat())
  const placeOf = (way: Way): number => order.findIndex((other) => isSameWay(way, other))
  return all.flatMap((candidate) => {
    const { members, ways, isOrdered } = candidate
    const late = lateNodes(nodes, all, members)
    const meetsItself = flows.some((flow) => {
      const own = ways.filter(({ from }) => flow.has(from.node))
      return own.length > 1 && own.some(isOrdered)
    })
    const isOneLate = ways.length > 1 && ways.some(({ from }) => late.has(from.node))
    if (!meetsItself && !isOneLate) return []
    return [{ ways: ways.toSorted((a, b) => placeOf(a) - placeOf(b)), sorts: meetsItself }]
  })
}

/**
 * Promises that the task must wait for, as if they were kept at once. What comes to tables and the verbs that read them has its turn
 * there, but for what comes back to them: whoever waits for its turn would wait for itself. So nothing may be late on a way back, and
 * if that is also taken by what has not been there, nothing may be late on any way there.
 */
export const awaitedIn = (nodes: readonly Node[]): readonly Node[] => {
  const promises = nodes.filter((node) => answersOf(node) === 'in turn')
  const tables = promises.length === 0 ? [] : tableGroups(nodes)
  const inTime = tables.map((members) => {
    const ways = waysInto(nodes, members)
    const after = afterAll(nodes, members, tables)
    const back = ways.filter(({ from }) => after.has(from.node))
    const outside = nodes.filter((node) => !members.has(node))
    const first = below(outside, outside.filter(isEntry), parents)
    const isShared = back.some(({ from }) => first.has(from.node))
    return { ways: isShared ? ways : back, outside, others: tables.filter((other) => other !== members) }
  })
  return promises.filter((promise) =>
    inTime.some(({ ways, outside, others }) => {
      const late = afterAll(outside, new Set([promise]), others)
      return ways.some(({ from }) => late.has(from.node))
    }),
  )
}

export const waysTo = (to: Node): readonly Way[] => parentsOf(to).map((from, index) => ({ from, to, index }))
export const isSameWay = (a: Way, b: Way): boolean => a.to === b.to && a.index === b.index

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
  /** To one of them from elsewhere: from what comes of them it is as far as they are. */
  readonly ways: readonly Way[]
  /** Whether it matters what comes by this way before what comes by others. */
  readonly isOrdered: (way: Way) => boolean
}

const candidatesIn = (nodes: readonly Node[]): readonly Candidate[] => {
  const tables = tableGroups(nodes)
  const merges = nodes.filter((node) => node.kind === 'merge').map((node) => new Set<Node>([node]))
  const read = new Set(nodes.flatMap(readsOf))
  return [
    ...[...merges, ...sinkGroups(nodes)].map((members) => ({ members, ways: waysInto(nodes, members), isOrdered: () => true })),
    ...tables.map((members) => {
      const after = afterAll(nodes, members, tables)
      return {
        members,
        ways: waysInto(nodes, members).filter(({ from }) => !after.has(from.node)),
        // Those that only read do not disturb each other, unless what comes of one of them is written where others read.
        isOrdered: ({ to }: Way) => [...below(nodes, [to], parents)].some((node) => members.has(node) && read.has(node)),
      }
    }),
  ]
}

/** Those that may write to one topic: a topic that is chosen by record may be any. */
const sinkGroups = (nodes: readonly Node[]): readonly ReadonlySet<Node>[] => {
  const sinks = nodes.filter((node) => node.kind === 'sink')
  const topics = sinks.map(({ to }) => (typeof to === 'function' ? null : to.name))
  if (topics.includes(null)) return [new Set(sinks)]
  return [...new Set(topics)].map((topic) => new Set(sinks.filter((_, i) => topics[i] === topic)))
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

/** Within its task. */
const waysWithin = (node: Node): readonly Way[] => (node.kind === 'repartition' ? [] : waysTo(node))
const parents = (node: Node): readonly Node[] => waysWithin(node).map(({ from }) => from.node)
const isEntry = (node: Node): boolean => node.kind === 'source' || node.kind === 'repartition'
const readsOf = (node: Node): OperatorNode['reads'] => (node.kind === 'operator' ? node.reads : [])

const waysInto = (nodes: readonly Node[], members: Iterable<Node>): readonly Way[] => {
  const into = new Set(members)
  return nodes.flatMap((to) => (into.has(to) ? waysWithin(to) : []))
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

import { parentsOf, type Node, type Port } from './node.js'
import type { Plan, SubTopology } from './sub-topology.js'

/** A plan as data: what `toJSON` gives, and what text and flowchart are written from. Golden: changing it is a change users see. */
export interface Outline {
  readonly app: string
  readonly subTopologies: readonly OutlineSubTopology[]
  readonly globals: readonly { readonly name: string; readonly topic: string }[]
}
export interface OutlineSubTopology {
  readonly index: number
  readonly name: string
  readonly steps: readonly OutlineStep[]
}
/** `id` is unique within the sub-topology and means nothing outside. */
export type OutlineStep = { readonly id: string; readonly from: readonly OutlinePort[] } & (
  | { readonly kind: 'source' | 'table source' | 'repartition source'; readonly topic: string }
  | { readonly kind: 'verb'; readonly stores: readonly OutlineStore[]; readonly reads: readonly string[] }
  | { readonly kind: 'merge' }
  /** Null: chosen per record. */
  | { readonly kind: 'sink'; readonly topic: string | null }
  | { readonly kind: 'repartition sink'; readonly topic: string; readonly partitions: number | null }
)
export interface OutlinePort {
  readonly id: string
  /** Null: the step has one output. */
  readonly branch: string | null
}
export interface OutlineStore {
  readonly name: string
  readonly kind: 'lmdb' | 'memory'
  readonly changelog: string
  readonly source: string | null
}

export const outlineOf = (plan: Plan): Outline => ({
  app: plan.appId,
  subTopologies: plan.subTopologies.map((sub) => ({ index: sub.index, name: sub.name, steps: stepsOf(sub) })),
  globals: plan.globals.map(({ name, topic }) => ({ name, topic: topic.name })),
})

const stepsOf = (sub: SubTopology): readonly OutlineStep[] => {
  const ids = new Ids()
  const topics = new Map<Node, string>(sub.inputs.flatMap(({ topic, sources }) => sources.map((source) => [source, topic] as const)))
  const steps = sub.nodes.map((node): OutlineStep => {
    const topic = topics.get(node) ?? ''
    const from = node.kind === 'repartition' ? [] : parentsOf(node).map((port) => ids.ofPort(port))
    const id = ids.of(node, node.kind === 'source' || node.kind === 'repartition' ? topic : node.label)
    switch (node.kind) {
      case 'source':
        return { id, from, kind: node.as === 'table' ? 'table source' : 'source', topic }
      case 'repartition':
        return { id, from, kind: 'repartition source', topic }
      case 'merge':
        return { id, from, kind: 'merge' }
      case 'sink':
        return { id, from, kind: 'sink', topic: typeof node.to === 'function' ? null : node.to.name }
      case 'operator':
        return { id, from, kind: 'verb', stores: storesOf(sub, node), reads: readsOf(sub, node) }
      default:
        return node satisfies never
    }
  })
  const writes = sub.writes.map(({ topic, node }): OutlineStep => ({
    id: ids.fresh(topic),
    from: [ids.ofPort(node.parents[0])],
    kind: 'repartition sink',
    topic,
    partitions: node.partitions,
  }))
  return [...steps, ...writes]
}

const storesOf = (sub: SubTopology, node: Node): readonly OutlineStore[] =>
  sub.stores
    .filter(({ owner }) => owner === node)
    .map(({ spec, changelog, source }) => ({ name: spec.name, kind: spec.kind, changelog, source: source?.name ?? null }))

const readsOf = (sub: SubTopology, node: Node): readonly string[] => {
  if (node.kind !== 'operator') return []
  const owned = sub.stores.filter(({ owner }) => node.reads.includes(owner)).map(({ spec }) => spec.name)
  return [...owned, ...node.globals.map(({ name }) => `global ${name}`)]
}

/** Labels made unique: `filter`, `filter 2` ... */
class Ids {
  private readonly ids = new Map<Node, string>()
  private readonly used = new Map<string, number>()

  of(node: Node, label: string): string {
    const id = this.fresh(label)
    this.ids.set(node, id)
    return id
  }
  fresh(label: string): string {
    const n = (this.used.get(label) ?? 0) + 1
    this.used.set(label, n)
    return n === 1 ? label : `${label} ${n}`
  }
  ofPort({ node, branch }: Port): OutlinePort {
    const isRoute = node.kind === 'operator' && node.operator.kind === 'route'
    return { id: this.ids.get(node) ?? node.label, branch: isRoute ? (node.branches?.[branch] ?? String(branch)) : null }
  }
}

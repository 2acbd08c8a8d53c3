import type { GlobalTableSpec, MergeNode, Node, OperatorNode, Port, RepartitionNode, SinkNode, SourceNode } from '../topology/node.js'
import type { Operator } from '../topology/operator.js'
import type { Declaration } from '../topology/plan.js'
import type { Host } from './host.js'

type OperatorOptions = Partial<Pick<OperatorNode, 'label' | 'stores' | 'reads' | 'globals' | 'takesNullKeys' | 'branches'>>

/** What the verbs of one app have declared so far. It grows, its nodes never change. */
export class Graph {
  private readonly nodes: Node[] = []
  private readonly roots = new Set<Node>()
  private readonly globals: GlobalTableSpec[] = []

  constructor(
    readonly host: Host,
    readonly appId: string,
  ) {}

  /** In order of declaration, which puts parents first: a verb can only be called on what is there. */
  add<N extends Node>(node: N): N {
    Object.freeze(node)
    this.nodes.push(node)
    return node
  }

  source(node: Omit<SourceNode, 'kind'>): SourceNode {
    return this.add({ kind: 'source', ...node })
  }
  operator(parent: Port, operator: Operator, options: OperatorOptions = {}): OperatorNode {
    const node: OperatorNode = {
      kind: 'operator',
      label: operator.label,
      parents: [parent],
      operator,
      stores: [],
      reads: [],
      globals: [],
      ...options,
    }
    if (node.stores.length > 0) this.roots.add(node)
    return this.add(node)
  }
  merge(parents: readonly Port[]): MergeNode {
    return this.add({ kind: 'merge', label: 'merge', parents })
  }
  repartition(node: Omit<RepartitionNode, 'kind' | 'label'>): RepartitionNode {
    return this.add({ kind: 'repartition', label: 'repartition', ...node })
  }
  sink(parent: Port, to: SinkNode['to']): SinkNode {
    const node = this.add<SinkNode>({ kind: 'sink', label: 'toTopic', parents: [parent], to })
    this.roots.add(node)
    return node
  }
  global(table: GlobalTableSpec): GlobalTableSpec {
    this.globals.push(Object.freeze(table))
    return table
  }

  /** Runs even if nothing follows. */
  end(node: Node): void {
    this.roots.add(node)
  }

  /** `heard`: streams that somebody has subscribed to; they run for that. */
  declaration(heard: readonly Port[]): Declaration {
    return { nodes: [...this.nodes], roots: [...this.roots, ...heard.map(({ node }) => node)], globals: [...this.globals] }
  }
}

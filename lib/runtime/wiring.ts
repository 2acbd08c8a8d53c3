import { Subject } from 'rxjs'
import { parentsOf, type Node, type OperatorNode, type Port } from '../topology/node.js'
import { isSameWay, type Meeting, type Way } from '../topology/meetings.js'
import type { Batch, Emit, PerRecord, Receipt, Release, Route, TaskContext } from '../topology/operator.js'
import { Run, type RunStep } from './kernel.js'
import { Outlet, type Inlet } from './outlet.js'
import type { Taps } from './taps.js'
import { Ticket, Turnstile, type Gate } from './turnstile.js'

/** What its turnstiles ask of a task. */
export interface WiredTask extends TaskContext {
  readonly isHeld: boolean
  onRelease(goOn: () => void): void
  holdIntake(): Release
}
export interface WiringContext {
  readonly task: WiredTask
  readonly taps: Taps
  readonly meetings: readonly Meeting[]
  /** An input is taken record by record: nobody works in pieces, as the one way would be ahead of the other. */
  readonly isByRecord: boolean
  /** Opens the writing half of a sink or a repartition. */
  readonly openSink: (node: Node & { readonly kind: 'sink' | 'repartition' }) => Inlet
}

type Inline = OperatorNode & { readonly operator: PerRecord | Route }

/** Where the task puts in what it takes of an input. */
export interface Entrance {
  /** One per source. */
  readonly outlets: readonly Outlet[]
  /** What the batches taken at once are given as their receipt. */
  readonly admit: (receipt: Receipt) => Receipt
}

/**
 * Opens the nodes of a sub-topology for a task: consecutive verbs become runs, what waits for something gets a Subject of
 * its own, forks split receipts, turnstiles see to the order where ways meet. `inputs`: the sources of each.
 * `writes`: the repartition nodes it writes; those it reads are among the sources.
 */
export const wire = (
  nodes: readonly Node[],
  writes: readonly Node[],
  inputs: readonly (readonly Node[])[],
  context: WiringContext,
): readonly Entrance[] => {
  const wiring = new Wiring([...nodes.filter((node) => node.kind !== 'repartition'), ...writes], context)
  return inputs.map((sources) => wiring.entrance(sources))
}

class Wiring {
  private readonly children = new Map<Node, { readonly child: Node; readonly branch: number }[]>()
  private readonly inlets = new Map<Node, Inlet>()
  private readonly gates: readonly (Gate & Way)[]
  /** Ways that lead to where nothing else may be on its way to. */
  private readonly narrows: readonly (Omit<Gate, 'place'> & Way)[]
  private readonly ahead = new Map<Node, ReadonlySet<Turnstile>>()

  constructor(
    nodes: readonly Node[],
    private readonly context: WiringContext,
  ) {
    for (const child of nodes) {
      for (const { node, branch } of parentsOf(child)) this.childrenOf(node).push({ child, branch })
    }
    const { meetings, task } = context
    const isHeld = () => task.isHeld
    this.gates = meetings.flatMap(({ ways, sorts }) => {
      const turnstile = new Turnstile({ sorts, isHeld })
      task.onRelease(() => turnstile.goOn())
      return ways.map((way, place) => ({ ...way, turnstile, place }))
    })
    this.narrows = meetings.flatMap(({ ways, returns }) => {
      if (returns.length === 0) return []
      const turnstile = new Turnstile({ sorts: false, isHeld, onBusy: () => task.holdIntake() })
      return [...ways, ...returns].map((way) => ({ ...way, turnstile }))
    })
  }

  entrance(sources: readonly Node[]): Entrance {
    const ahead = new Set(sources.flatMap((source) => [...this.aheadOf(source)]))
    const outlets = sources.map((source) => {
      const outlet = this.outlet({ node: source, branch: 0 })
      const left = without(ahead, this.aheadOf(source))
      if (left.size === 0) return outlet
      const entrance = new Outlet(null)
      entrance.to(leaving(left, null, outlet.send))
      return entrance
    })
    return { outlets, admit: ahead.size === 0 ? (receipt) => receipt : (receipt) => Ticket.for(receipt, ahead) }
  }

  private outlet(port: Port): Outlet {
    const outlet = new Outlet(this.context.taps.at(port))
    for (const { child, branch } of this.childrenOf(port.node)) if (branch === port.branch) outlet.to(this.way({ from: port, to: child }))
    return outlet
  }

  private way(way: Way): Inlet {
    return leaving(without(this.aheadOf(way.from.node), this.aheadIn(way.to)), this.gateOf(way), this.inlet(way.to))
  }

  private gateOf(way: Way): Gate | null {
    return this.gates.find((gate) => isSameWay(gate, way)) ?? null
  }

  private leadsInto(way: Way): readonly Turnstile[] {
    return [...this.gates, ...this.narrows].flatMap((each) => (isSameWay(each, way) ? [each.turnstile] : []))
  }

  /** The turnstiles that what comes out of a node may still come to. */
  private aheadOf(node: Node): ReadonlySet<Turnstile> {
    const known = this.ahead.get(node)
    if (known) return known
    const ahead = new Set<Turnstile>()
    for (const { child, branch } of this.childrenOf(node)) {
      for (const turnstile of this.aheadIn(child)) ahead.add(turnstile)
      for (const turnstile of this.leadsInto({ from: { node, branch }, to: child })) ahead.add(turnstile)
    }
    this.ahead.set(node, ahead)
    return ahead
  }

  /** What is answered at any time is in no order: nobody waits for it. */
  private aheadIn(node: Node): ReadonlySet<Turnstile> {
    const ends = node.kind === 'sink' || node.kind === 'repartition'
    return ends || (node.kind === 'operator' && isAnsweredAtAnyTime(node)) ? new Set() : this.aheadOf(node)
  }

  /** One per node, however many parents lead to it. */
  private inlet(node: Node): Inlet {
    const known = this.inlets.get(node)
    if (known) return known
    const made = this.open(node)
    this.inlets.set(node, made)
    return made
  }

  private open(node: Node): Inlet {
    switch (node.kind) {
      case 'sink':
      case 'repartition':
        return this.context.openSink(node)
      case 'merge':
        return this.outlet({ node, branch: 0 }).send
      case 'operator':
        return isInline(node) ? this.openRun(node) : this.openPerBatch(node)
      case 'source':
        throw new Error(`source ${node.label} has no inlet`)
    }
  }

  private openPerBatch(node: OperatorNode): Inlet {
    const { operator } = node
    if (operator.kind !== 'per-batch') throw new Error(`${node.label} is fused, not opened by itself`)
    const input = new Subject<Batch>()
    const outlet = this.outlet({ node, branch: 0 })
    operator
      .open(this.context.task)(input)
      .subscribe({ next: outlet.send, error: (error: Error) => this.context.task.stop(error) })
    // Values are decoded in a run of their own, where a failure is guarded: what waits for something has no place for it.
    const decode = new Run(
      this.context.task,
      [{ label: node.label, connect: ([next = nowhere]) => decoded(next) }],
      [toInlet((batch) => input.next(batch))],
    )
    return (batch) => decode.take(batch)
  }

  private openRun(first: Inline): Inlet {
    const nodes = this.runFrom(first)
    const last = nodes[nodes.length - 1] ?? first
    const steps = nodes.map((node) => this.openStep(node, node === last))
    const branches = last.operator.kind === 'route' ? last.operator.branches : 1
    const outlets = Array.from({ length: branches }, (_, branch) => this.outlet({ node: last, branch }))
    const run = new Run(this.context.task, steps, outlets, this.context.isByRecord)
    return (batch) => run.take(batch)
  }

  /** As far as verbs follow one another without a fork, a wait, or a write that must stand by itself or may take its time. */
  private runFrom(first: Inline): readonly Inline[] {
    const nodes: Inline[] = [first]
    for (let node = first; node.operator.kind === 'per-record' && !node.operator.writes;) {
      const [next, ...others] = this.childrenOf(node)
      if (next === undefined || others.length > 0 || next.child.kind !== 'operator' || !isInline(next.child)) break
      if (next.child.operator.inPieces) break
      // A turnstile is between two runs.
      if (this.leadsInto({ from: { node, branch: 0 }, to: next.child }).length > 0) break
      nodes.push((node = next.child))
    }
    return nodes
  }

  /** Subscribers of a stream in the middle of a run hear it there; at its end the outlet tells them. */
  private openStep(node: Inline, isLast: boolean): RunStep {
    const { operator, label } = node
    if (operator.kind === 'route') {
      const route = operator.open(this.context.task)
      return { label, idle: route.idle, isUnfinished: route.isUnfinished, connect: (next) => (record) => route(record, next) }
    }
    const step = operator.open(this.context.task)
    const tap = this.context.taps.at({ node, branch: 0 })
    return {
      label,
      idle: step.idle,
      isUnfinished: step.isUnfinished,
      connect: ([next = nowhere]) => {
        if (isLast) return (record) => step(record, next)
        const heard: Emit = (record) => {
          if (tap.isHeard) tap.next(record)
          next(record)
        }
        return (record) => step(record, heard)
      },
    }
  }

  private childrenOf(node: Node): { readonly child: Node; readonly branch: number }[] {
    let children = this.children.get(node)
    if (children === undefined) this.children.set(node, (children = []))
    return children
  }
}

const decoded =
  (next: Emit): Emit =>
  (record) => {
    void record.value
    next(record)
  }

const toInlet = (inlet: Inlet): Outlet => {
  const outlet = new Outlet(null)
  outlet.to(inlet)
  return outlet
}

const nowhere: Emit = () => undefined

const isAnsweredAtAnyTime = ({ operator }: OperatorNode): boolean => operator.kind === 'per-batch' && operator.answers === 'at any time'

const without = (all: ReadonlySet<Turnstile>, some: ReadonlySet<Turnstile>): ReadonlySet<Turnstile> =>
  new Set([...all].filter((turnstile) => !some.has(turnstile)))

/** What no batch of the task brought has no turn to wait for. */
const leaving = (left: ReadonlySet<Turnstile>, at: Gate | null, inlet: Inlet): Inlet =>
  left.size === 0
    ? inlet
    : (batch) => {
        const { receipt } = batch
        if (receipt instanceof Ticket) receipt.leave(left, at, batch, inlet)
        else inlet(batch)
      }

const isInline = (node: OperatorNode): node is Inline => node.operator.kind !== 'per-batch'

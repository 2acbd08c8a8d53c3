import { Subject } from 'rxjs'
import { type Node, type OperatorNode, type Port } from '../topology/node.js'
import { isSameWay, waysTo, type Meeting, type Way } from '../topology/meetings.js'
import type { Batch, Emit, PerRecord, Receipt, Route, TaskContext } from '../topology/operator.js'
import { awaiting } from './awaited.js'
import { Run, type RunStep } from './kernel.js'
import { Outlet, type Inlet } from './outlet.js'
import type { Standstill } from './standstill.js'
import type { Taps } from './taps.js'
import { Ticket, Turnstile, type Gate } from './turnstile.js'

export interface WiringContext {
  readonly task: TaskContext & { readonly standstill: Standstill }
  readonly taps: Taps
  readonly meetings: readonly Meeting[]
  readonly awaited: readonly Node[]
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
 * its own, forks split receipts, turnstiles see to the order where ways meet, and no way is open while somebody stands in the
 * midst of a batch. `inputs`: the sources of each.
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
  private readonly ways = new Map<Node, Way[]>()
  private readonly inlets = new Map<Node, Inlet>()
  private readonly gates: readonly (Gate & Way)[]
  private readonly ahead = new Map<Node, ReadonlySet<Turnstile>>()

  constructor(
    nodes: readonly Node[],
    private readonly context: WiringContext,
  ) {
    for (const way of nodes.flatMap(waysTo)) this.waysFrom(way.from.node).push(way)
    this.gates = context.meetings.flatMap(({ ways, sorts }) => {
      const turnstile = new Turnstile(sorts, context.task.standstill)
      return ways.map((way, place) => ({ ...way, turnstile, place }))
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
    for (const way of this.waysFrom(port.node)) if (way.from.branch === port.branch) outlet.to(this.way(way))
    return outlet
  }

  private way(way: Way): Inlet {
    const inlet = this.inlet(way.to)
    const left = without(this.aheadOf(way.from.node), this.aheadIn(way.to))
    return left.size === 0 ? inlet : this.guarded(leaving(left, this.gateOf(way), inlet))
  }

  private gateOf(way: Way): Gate | null {
    return this.gates.find((gate) => isSameWay(gate, way)) ?? null
  }

  /** The turnstiles that what comes out of a node may still come to. */
  private aheadOf(node: Node): ReadonlySet<Turnstile> {
    const known = this.ahead.get(node)
    if (known) return known
    const ahead = new Set<Turnstile>()
    for (const way of this.waysFrom(node)) {
      for (const turnstile of this.aheadIn(way.to)) ahead.add(turnstile)
      const gate = this.gateOf(way)
      if (gate) ahead.add(gate.turnstile)
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
    const made = this.guarded(this.open(node))
    this.inlets.set(node, made)
    return made
  }

  private guarded(inlet: Inlet): Inlet {
    return this.context.task.standstill.guard(inlet)
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
    const { task, awaited } = this.context
    const into: Inlet = (batch) => input.next(batch)
    const { take, give } = awaited.includes(node) ? awaiting(task, into, outlet.send) : { take: into, give: outlet.send }
    operator
      .open(task)(input)
      .subscribe({ next: give, error: (error: Error) => task.stop(error) })
    // Values are decoded in a run of their own, where a failure is guarded: what waits for something has no place for it.
    const decode = new Run(task, [{ label: node.label, connect: ([next = nowhere]) => decoded(next) }], [toInlet(take)])
    return (batch) => decode.take(batch)
  }

  private openRun(first: Inline): Inlet {
    const nodes = this.runFrom(first)
    const last = nodes[nodes.length - 1] ?? first
    const steps = nodes.map((node) => this.openStep(node, node === last))
    const branches = last.operator.kind === 'route' ? last.operator.branches : 1
    const outlets = Array.from({ length: branches }, (_, branch) => this.outlet({ node: last, branch }))
    const run = new Run(this.context.task, steps, outlets)
    return (batch) => run.take(batch)
  }

  /** As far as verbs follow one another without a fork, a wait, or a write that must stand by itself or may take its time. */
  private runFrom(first: Inline): readonly Inline[] {
    const nodes: Inline[] = [first]
    for (let node = first; node.operator.kind === 'per-record' && !writes(node);) {
      const [next, ...others] = this.waysFrom(node)
      if (next === undefined || others.length > 0 || next.to.kind !== 'operator' || !isInline(next.to)) break
      if (next.to.operator.inPieces || (writes(next.to) && nodes.some(emitsMany))) break
      // A turnstile is between two runs.
      if (this.gateOf(next)) break
      nodes.push((node = next.to))
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

  private waysFrom(node: Node): Way[] {
    let ways = this.ways.get(node)
    if (ways === undefined) this.ways.set(node, (ways = []))
    return ways
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
const leaving =
  (left: ReadonlySet<Turnstile>, at: Gate | null, inlet: Inlet): Inlet =>
  (batch) => {
    const { receipt } = batch
    if (receipt instanceof Ticket) receipt.leave(left, at, batch, inlet)
    else inlet(batch)
  }

const writes = ({ operator }: Inline): boolean => operator.kind === 'per-record' && operator.writes
const emitsMany = ({ operator }: Inline): boolean => operator.kind === 'per-record' && operator.emitsMany === true
const isInline = (node: OperatorNode): node is Inline => node.operator.kind !== 'per-batch'

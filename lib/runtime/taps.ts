import type { Subscriber } from 'rxjs'
import { plainRecord, type KRecord } from '../core/record.js'
import type { Node, Port } from '../topology/node.js'
import type { AnyRec } from '../topology/operator.js'

type Listener = Subscriber<KRecord<unknown, unknown>>

/** Who listens to a port of the plan, over all tasks: the subscribers of a stream. */
export class Tap {
  private readonly listeners = new Set<Listener>()

  get isHeard(): boolean {
    return this.listeners.size > 0
  }

  add(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** A record that does not decode is not heard: whoever comes next in the pipeline answers for it. */
  next(record: AnyRec): void {
    try {
      void record.value
    } catch {
      return
    }
    for (const listener of this.listeners) listener.next(plainRecord(record))
  }

  complete(): void {
    for (const listener of [...this.listeners]) listener.complete()
  }

  error(error: Error): void {
    for (const listener of [...this.listeners]) listener.error(error)
  }
}

export class Taps {
  private readonly byNode = new Map<Node, Tap[]>()

  at({ node, branch }: Port): Tap {
    let taps = this.byNode.get(node)
    if (taps === undefined) this.byNode.set(node, (taps = []))
    return (taps[branch] ??= new Tap())
  }

  all(): readonly Tap[] {
    return [...this.byNode.values()].flatMap((taps) => Object.values(taps))
  }
}

import type { Batch } from '../topology/operator.js'
import type { Tap } from './taps.js'

export type Inlet = (batch: Batch) => void

/** An output of a node: hands a batch to all that follow, each with a part of the receipt. */
export class Outlet {
  private readonly inlets: Inlet[] = []

  /** `tap`: null where nobody can subscribe. */
  constructor(private readonly tap: Tap | null) {}

  /** False: nothing follows at the moment, so nothing need be collected. A subscriber may come later. */
  get isHeard(): boolean {
    return this.inlets.length > 0 || this.tap?.isHeard === true
  }

  to(inlet: Inlet): void {
    this.inlets.push(inlet)
  }

  readonly send = (batch: Batch): void => {
    const { tap } = this
    if (tap?.isHeard) for (const record of batch.records) tap.next(record)
    const { inlets } = this
    if (inlets.length === 0) return batch.receipt.done()
    if (inlets.length > 1) batch.receipt.hold(inlets.length - 1)
    for (const inlet of inlets) inlet(batch)
  }
}

import type { Receipt } from '../topology/operator.js'

/**
 * Who has been answered for. A batch is done when all parts of its receipt are; the frontier of an input partition is the
 * offset after its last batch that is done without a gap. Only the frontier is ever committed.
 */
export class Ledger {
  heldBatches = 0
  heldRecords = 0
  heldBytes = 0

  /** `onSettled` runs after each batch that is done. */
  constructor(
    private readonly onSettled: () => void,
    private readonly onBroken: (error: Error) => void,
  ) {}

  get isDrained(): boolean {
    return this.heldBatches === 0
  }

  begin(frontier: Frontier, nextOffset: number, size: { readonly records: number; readonly bytes: number }): Receipt {
    const open = frontier.begin(nextOffset)
    return this.receipt(size.records, size.bytes, () => frontier.settle(open))
  }

  /** For records that no input brought: drained with the others, moves no frontier. */
  extra(): Receipt {
    return this.receipt(0, 0, () => undefined)
  }

  private receipt(records: number, bytes: number, done: () => void): Receipt {
    this.heldBatches++
    this.heldRecords += records
    this.heldBytes += bytes
    const onDone = () => {
      this.heldBatches--
      this.heldRecords -= records
      this.heldBytes -= bytes
      done()
      this.onSettled()
    }
    return new Answerable(onDone, this.onBroken)
  }
}

class Answerable implements Receipt {
  private parts = 1

  constructor(
    private readonly onDone: () => void,
    private readonly onBroken: (error: Error) => void,
  ) {}

  get outside(): Receipt {
    return this
  }

  hold(more: number): void {
    if (this.parts <= 0) this.onBroken(new Error('a receipt was split after it had been answered'))
    this.parts += more
  }

  done(): void {
    if (--this.parts > 0) return
    if (this.parts < 0) this.onBroken(new Error('a receipt was answered twice'))
    else this.onDone()
  }
}

interface OpenBatch {
  readonly nextOffset: number
  isDone: boolean
}

export class Frontier {
  private readonly open: OpenBatch[] = []

  constructor(
    /** Everything below it is done. */
    public offset: number,
  ) {}

  begin(nextOffset: number): OpenBatch {
    const batch = { nextOffset, isDone: false }
    this.open.push(batch)
    return batch
  }

  settle(batch: OpenBatch): void {
    batch.isDone = true
    for (let head = this.open[0]; head?.isDone; head = this.open[0]) {
      this.offset = head.nextOffset
      this.open.shift()
    }
  }
}

import type { AnyRec, Batch, Receipt } from '../topology/operator.js'
import type { Inlet } from './outlet.js'
import type { Standstill } from './standstill.js'

/** A batch at a turnstile: the receipt is what it goes on with. */
interface Arrival {
  readonly batch: Batch
  readonly inlet: Inlet
  readonly place: number
}

/**
 * Lets what the task has taken through in that order, by whatever way it comes.
 *
 * What is taken at once has a turn at each turnstile that is ahead of it, and carries them in its receipt, a `Ticket`. A turn is over
 * when all parts of the batch have come, or have gone where they cannot come any more; then the next turn is.
 */
export class Turnstile {
  private readonly turns: Turn[] = []
  private isAtWork = false

  constructor(
    /** By record, and by place of what comes of one record; else as it comes. */
    private readonly sorts: boolean,
    private readonly standstill: Standstill,
  ) {}

  /** For what is taken next. */
  open(): Turn {
    const turn = new Turn(this)
    this.turns.push(turn)
    return turn
  }

  goOn(): void {
    if (this.isAtWork) return
    this.isAtWork = true
    try {
      for (let turn = this.turns[0]; turn !== undefined && this.pass(turn); turn = this.turns[0]) this.turns.shift()
    } finally {
      this.isAtWork = false
    }
  }

  /** False: there is more to come of it, or to pass when nobody stands still any more. */
  private pass(turn: Turn): boolean {
    if (this.sorts && !turn.isOver) return false
    const arrivals = this.sorts ? turn.sorted() : turn.arrivals
    while (arrivals.length > 0) {
      if (this.standstill.isOn) {
        this.standstill.whenOver(() => this.goOn())
        return false
      }
      const { inlet, batch } = arrivals.shift() as Arrival
      inlet(batch)
    }
    return turn.isOver
  }
}

/** Of what was taken at once: everything that comes of it has come when all parts of it are done. */
class Turn {
  arrivals: Arrival[] = []
  private parts = 1
  private isSorted = false

  constructor(readonly turnstile: Turnstile) {}

  get isOver(): boolean {
    return this.parts === 0
  }

  hold(more: number): void {
    this.parts += more
  }

  done(): void {
    if (--this.parts === 0) this.turnstile.goOn()
  }

  arrive(arrival: Arrival): void {
    this.arrivals.push(arrival)
    this.turnstile.goOn()
  }

  /** By record, then by way; what goes to one place without another in between is one batch. Of a turn that is over. */
  sorted(): Arrival[] {
    if (!this.isSorted && this.arrivals.length > 1) this.arrivals = inOrder(this.arrivals.sort((a, b) => a.place - b.place))
    this.isSorted = true
    return this.arrivals
  }
}

const inOrder = (arrivals: readonly Arrival[]): Arrival[] => {
  const all = arrivals.flatMap((arrival) => arrival.batch.records.map((record) => ({ record, arrival })))
  all.sort((a, b) => a.record.origin.offset - b.record.origin.offset)
  const runs: (Arrival & { readonly batch: { readonly records: AnyRec[] } })[] = []
  for (const { record, arrival } of all) {
    const last = runs[runs.length - 1]
    if (last?.inlet === arrival.inlet) last.batch.records.push(record)
    else runs.push({ ...arrival, batch: { records: [record], receipt: arrival.batch.receipt } })
  }
  // Receipts that go to one place are alike. Each arrival has brought a part, and each run takes one.
  for (const { batch } of runs) batch.receipt.hold(1)
  for (const { batch } of arrivals) batch.receipt.done()
  return runs
}

/** A receipt of what has turnstiles ahead. */
export class Ticket implements Receipt {
  private constructor(
    private readonly receipt: Receipt,
    private readonly turns: readonly Turn[],
  ) {}

  static for(receipt: Receipt, ahead: Iterable<Turnstile>): Receipt {
    const turns = Array.from(ahead, (turnstile) => turnstile.open())
    return turns.length === 0 ? receipt : new Ticket(receipt, turns)
  }

  get outside(): Receipt {
    return this.receipt.outside
  }

  hold(parts: number): void {
    this.receipt.hold(parts)
    for (const turn of this.turns) turn.hold(parts)
  }

  done(): void {
    this.receipt.done()
    for (const turn of this.turns) turn.done()
  }

  /** Turnstiles that are not ahead any more; at one of them the batch itself waits for its turn. */
  leave(left: ReadonlySet<Turnstile>, at: Gate | null, { records }: Batch, inlet: Inlet): void {
    const leaving = this.turns.filter(({ turnstile }) => left.has(turnstile))
    const staying = this.turns.filter(({ turnstile }) => !left.has(turnstile))
    const batch = { records, receipt: staying.length === 0 ? this.receipt : new Ticket(this.receipt, staying) }
    const turn = at && leaving.find(({ turnstile }) => turnstile === at.turnstile)
    if (turn) turn.arrive({ batch, inlet, place: at.place })
    else inlet(batch)
    for (const each of leaving) each.done()
  }
}

/** Where a way leads into a turnstile: `place` is its place among the ways. */
export interface Gate {
  readonly turnstile: Turnstile
  readonly place: number
}

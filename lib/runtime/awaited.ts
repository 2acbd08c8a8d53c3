import type { AnyRec, Batch, Receipt, TaskContext } from '../topology/operator.js'
import type { Inlet } from './outlet.js'

/** Before and behind a verb that answers later, for whom the task waits: each batch goes on as one, when all of it has been answered. */
export const awaiting = (task: TaskContext, into: Inlet, next: Inlet): { readonly take: Inlet; readonly give: Inlet } => ({
  take: ({ records, receipt }) => {
    if (records.length === 0) return next({ records, receipt })
    const release = task.hold()
    into({ records, receipt: new Answer(receipt.outside, (all) => release(() => next({ records: all, receipt }))) })
  },
  give: (batch) => {
    if (batch.receipt instanceof Answer) batch.receipt.add(batch)
    else next(batch)
  },
})

class Answer implements Receipt {
  private parts = 1
  private readonly all: AnyRec[] = []

  constructor(
    readonly outside: Receipt,
    private readonly isWhole: (all: readonly AnyRec[]) => void,
  ) {}

  hold(parts: number): void {
    this.parts += parts
  }

  done(): void {
    if (--this.parts === 0) this.isWhole(this.all)
  }

  add({ records }: Batch): void {
    for (const record of records) this.all.push(record)
    this.done()
  }
}

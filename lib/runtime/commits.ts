import type { PartitionOffset, Producer } from '../transport/port.js'
import { commitTask, type Committable } from './committer.js'
import { directOutbox, type Outbox } from './outbox.js'
import type { Transactions } from './transactions.js'

/** How one task commits, and where its outputs wait for that. */
export interface Commits {
  readonly outbox: Outbox
  /** Resolves with the offsets that were committed. */
  commit(task: Committable): Promise<readonly PartitionOffset[]>
}

export const atLeastOnce = (producer: () => Producer) => (): Commits => ({ outbox: directOutbox(producer), commit: commitTask })

export const exactlyOnce = (transactions: Transactions) => (): Commits => {
  const outbox = transactions.newOutbox()
  return { outbox, commit: (task) => transactions.commit(task, outbox) }
}

import { toError, type MillraceError } from '../core/errors.js'
import type { Draft, PartitionOffset, Transaction, TransactionalProducer } from '../transport/port.js'
import { assertAlive, commitFile, refusedRow, takeSnapshot, writeChanges, type Committable, type Snapshot } from './committer.js'
import { StagedOutbox } from './outbox.js'
import { toMetadata } from './recovery.js'

export interface TransactionsOptions {
  readonly producer: () => TransactionalProducer
  /** Tasks whose transaction has failed: what they have done since their last commit is void. */
  readonly reopen: (tasks: readonly Committable[]) => void
  readonly fail: (error: Error) => void
  /** The app is failing: nothing may be committed past what failed. */
  readonly isFailing: () => boolean
}

/** A task as it was when it was drained, and who waits for its commit. */
interface Ready {
  readonly task: Committable
  readonly outbox: StagedOutbox
  readonly outputs: Draft
  readonly snapshot: Snapshot
  readonly resolve: (offsets: readonly PartitionOffset[]) => void
  readonly reject: (error: Error) => void
}

/**
 * Commits, exactly-once: one transaction at a time, over all tasks that are drained when it begins. One that is not goes
 * into a later one, so a slow promise stalls its own task only.
 */
export class Transactions {
  private ready: Ready[] = []
  private isRunning = false

  constructor(private readonly options: TransactionsOptions) {}

  /** For the outputs of one task. */
  newOutbox(): StagedOutbox {
    return new StagedOutbox(() => this.options.producer().draft())
  }

  /** Resolves with the offsets that were committed; rejects when the task is void. */
  async commit(task: Committable, outbox: StagedOutbox): Promise<readonly PartitionOffset[]> {
    const snapshot = await takeSnapshot(task)
    return new Promise((resolve, reject) => {
      this.ready.push({ task, outbox, outputs: outbox.take(), snapshot, resolve, reject })
      task.resumeIntake()
      this.runSoon()
    })
  }

  private runSoon(): void {
    if (this.isRunning) return
    this.isRunning = true
    // On a later turn, so that tasks that are drained together are committed together.
    setImmediate(() => void this.run())
  }

  private async run(): Promise<void> {
    while (this.ready.length > 0) {
      const taken = this.ready
      this.ready = []
      await this.transact(taken)
    }
    this.isRunning = false
  }

  private async transact(taken: readonly Ready[]): Promise<void> {
    try {
      await this.write(taken)
    } catch (thrown) {
      // None of it counts, or nobody can say: what the group knows of decides when they are opened again.
      this.options.reopen(taken.map(({ task }) => task))
      for (const { reject } of taken) reject(toError(thrown))
      return
    }
    for (const { task, snapshot, resolve, reject } of taken) {
      try {
        // Died before this: the file is behind, and is rolled forward along the changelog.
        if (!task.isClosed) commitFile(task, snapshot)
        resolve(snapshot.offsets)
      } catch (thrown) {
        reject(toError(thrown))
      }
    }
  }

  /** Died before its end: nothing of it counts, and the inputs are read again. Died after it: all of it does. */
  private async write(taken: readonly Ready[]): Promise<void> {
    const [first] = taken
    if (first === undefined) return
    for (const { task } of taken) assertAlive(task)
    const transaction = this.options.producer().begin(first.task.member(), taken.flatMap(offsetsOf))
    for (const { outbox, outputs, snapshot } of taken) {
      outbox.write(outputs, transaction)
      await this.writeChangelogs(snapshot, transaction)
    }
    // No broker checks whose a partition is, so we do.
    await transaction.commit(() => !this.options.isFailing() && taken.every(({ task }) => !task.isClosed))
  }

  private async writeChangelogs({ changes }: Snapshot, transaction: Transaction): Promise<void> {
    for (const change of changes) {
      const { changelog } = change
      const delivery = {
        delivered: (_: number, _at: unknown, lastOffset: number) => {
          changelog.position = Math.max(changelog.position, lastOffset + 1)
        },
        failed: (error: MillraceError, row: unknown) => this.options.fail(refusedRow(change, row, error)),
      }
      await writeChanges(change, (record, row) => transaction.append(changelog, record, delivery, row))
    }
  }
}

/** Also of inputs that have not moved: their mark says which commit this is. */
const offsetsOf = ({ snapshot: { offsets, mark } }: Ready) =>
  offsets.map((at) => ({ ...at, metadata: mark.writer === '' ? '' : toMetadata(mark) }))

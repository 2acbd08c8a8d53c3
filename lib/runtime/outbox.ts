import type { OutRecord } from '../core/record.js'
import type { Delivery, Producer, TopicPartition, Transaction } from '../transport/port.js'

/** Where a task's outputs go: what its verbs write, its repartition records, its dead letters. */
export interface Outbox {
  /** As that of a producer, but `delivery` may hear at once that the record is safe: it is then part of the next commit. */
  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void
  /** Sends what waits without lingering. */
  flush(): void
  /** Bytes that wait for the commit. */
  readonly stagedBytes: number
}

/** At-least-once: outputs leave as their batch passes. */
export const directOutbox = (producer: () => Producer): Outbox => ({
  append: (at, record, delivery, origin) => producer().append(at, record, delivery, origin),
  flush: () => producer().flush(),
  stagedBytes: 0,
})

export interface Staged {
  readonly at: TopicPartition
  readonly record: OutRecord
  readonly delivery: Delivery
  readonly origin: unknown
}

const overhead = 64
const weigh = ({ key, value }: OutRecord): number => (key?.length ?? 0) + (value?.length ?? 0) + overhead

/** Exactly-once: outputs wait for the transaction that commits the inputs they came from. */
export class StagedOutbox implements Outbox {
  stagedBytes = 0
  private staged: Staged[] = []
  /** The transaction in which a record has just been refused: what that leads to belongs there. */
  private open: Transaction | null = null

  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    const staged = { at, record, delivery, origin }
    if (this.open) this.write([staged], this.open)
    else {
      this.staged.push(staged)
      this.stagedBytes += weigh(record)
    }
    delivery.delivered(1, at, -1)
  }

  flush(): void {
    // Nothing leaves before the commit.
  }

  /** Everything that was staged up to now. */
  take(): readonly Staged[] {
    const taken = this.staged
    this.staged = []
    this.stagedBytes = 0
    return taken
  }

  /** Deliveries have heard that the record is safe; if the log refuses it after all, they hear `failed`. */
  write(taken: readonly Staged[], transaction: Transaction): void {
    const late: Delivery = {
      delivered: () => undefined,
      failed: (error, staged) => {
        this.open = transaction
        const { delivery, origin } = staged as Staged // handed back as it was given below
        delivery.failed(error, origin)
        this.open = null
      },
    }
    for (const staged of taken) transaction.append(staged.at, staged.record, late, staged)
  }
}

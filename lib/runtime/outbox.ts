import type { OutRecord } from '../core/record.js'
import type { Delivery, Draft, Producer, TopicPartition, Transaction } from '../transport/port.js'

/** Where a task's outputs go: what its verbs write, its repartition records, its dead letters. */
export interface Outbox {
  /** As that of a producer. */
  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void
  /** Sends what waits without lingering. */
  flush(): void
  /** Whether what is appended waits for the commit: `delivery` hears at once that it is safe, and later that it was refused after all. */
  readonly isStaged: boolean
  /** Bytes that wait for the commit. */
  readonly stagedBytes: number
}

/** At-least-once: outputs leave as their batch passes. */
export const directOutbox = (producer: () => Producer): Outbox => ({
  append: (at, record, delivery, origin) => producer().append(at, record, delivery, origin),
  flush: () => producer().flush(),
  isStaged: false,
  stagedBytes: 0,
})

/** Exactly-once: outputs wait for the transaction that commits the inputs they came from. */
export class StagedOutbox implements Outbox {
  readonly isStaged = true
  private draft: Draft
  /** The one that its last commit is part of. */
  private transaction: Transaction | null = null
  /** A record has just been refused: what that leads to belongs to the same transaction. */
  private isRefusing = false
  private told: Delivery | null = null
  private late: Delivery = nobody

  constructor(private readonly newDraft: () => Draft) {
    this.draft = newDraft()
  }

  get stagedBytes(): number {
    return this.draft.byteLength
  }

  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    const place = this.isRefusing && this.transaction !== null ? this.transaction : this.draft
    place.append(at, record, this.lateOf(delivery), origin)
    delivery.delivered(1, at, -1)
  }

  flush(): void {
    // Nothing leaves before the commit.
  }

  /** Everything that was staged up to now. */
  take(): Draft {
    const taken = this.draft
    this.draft = this.newDraft()
    return taken
  }

  /** What was taken becomes part of the transaction. */
  write(taken: Draft, transaction: Transaction): void {
    this.transaction = transaction
    transaction.add(taken)
  }

  /** One for all records of a batch, which come one after the other. */
  private lateOf(delivery: Delivery): Delivery {
    if (delivery === this.told) return this.late
    this.told = delivery
    this.late = {
      delivered: () => undefined,
      failed: (error, origin) => {
        this.isRefusing = true
        delivery.failed(error, origin)
        this.isRefusing = false
      },
    }
    return this.late
  }
}

const nobody: Delivery = { delivered: () => undefined, failed: () => undefined }

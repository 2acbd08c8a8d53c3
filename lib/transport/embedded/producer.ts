import { MillraceError } from '../../core/errors.js'
import type { OutRecord } from '../../core/record.js'
import type { Delivery, Producer, TopicPartition } from '../port.js'
import { acknowledge, Drafts, type SealedDraft } from './drafts.js'
import type { Log } from './log.js'

/** What is appended in a turn of the event loop is written at its end: waiting longer would gain nothing. */
export class EmbeddedProducer implements Producer {
  private readonly drafts: Drafts
  private waiting = 0
  private isSealing = false
  private isClosed = false
  private isKilled = false

  constructor(private readonly log: Log) {
    this.drafts = new Drafts(
      (at) => log.find(at),
      (sealed) => this.write(sealed),
    )
  }

  get pendingBytes(): number {
    return this.waiting
  }

  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    if (this.isKilled) return
    const taken = this.isClosed
      ? new MillraceError('MR_APP_STOPPED', 'the producer is closed')
      : this.drafts.append(at, record, delivery, origin)
    if (taken instanceof MillraceError) return queueMicrotask(() => delivery.failed(taken, origin))
    this.waiting += taken
    if (this.isSealing) return
    this.isSealing = true
    this.log.beforeWrite(() => {
      this.isSealing = false
      this.drafts.sealAll()
    })
  }

  flush(): void {
    // Nothing lingers.
  }

  async close(): Promise<void> {
    this.isClosed = true
    if (!this.isKilled && this.waiting > 0) await this.log.flushed()
  }

  /** What has not been written is lost, and nobody hears of it. */
  kill(): void {
    this.isKilled = true
    this.drafts.clear()
  }

  private write(sealed: SealedDraft): void {
    const settle = (tell: () => void): void => {
      this.waiting -= sealed.weight
      if (!this.isKilled) tell()
    }
    this.log.append(
      sealed.log,
      sealed.bytes,
      (lastOffset) => settle(() => acknowledge(sealed, lastOffset)),
      (error) => settle(() => sealed.deliveries.forEach((delivery, i) => delivery.failed(error, sealed.origins[i]))),
    )
  }
}

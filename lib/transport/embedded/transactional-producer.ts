import { MillraceError } from '../../core/errors.js'
import type { OutRecord } from '../../core/record.js'
import type { CommittedOffset, Delivery, Member, Transaction, TransactionalProducer, TopicPartition } from '../port.js'
import { acknowledge, Drafts, type SealedDraft } from './drafts.js'
import type { Log } from './log.js'

/** Each transaction is written in one turn, with its offsets: what is in the log was committed, and readers need no markers. */
export class EmbeddedTransactionalProducer implements TransactionalProducer {
  private isClosed = false

  constructor(
    private readonly log: Log,
    private readonly transactionalId: string,
  ) {
    log.claim(transactionalId, this)
  }

  begin(member: Member, offsets: readonly CommittedOffset[]): Transaction {
    return new EmbeddedTransaction(this.log, member, offsets, () => !this.isClosed && this.log.isClaimedBy(this.transactionalId, this))
  }

  async close(): Promise<void> {
    this.kill()
  }

  /** What has not been written never will be. */
  kill(): void {
    this.isClosed = true
  }
}

class EmbeddedTransaction implements Transaction {
  private readonly sealed: SealedDraft[] = []
  private readonly drafts: Drafts
  /** Refusals that nobody has been told of yet; what that leads to belongs to the transaction. */
  private untold = 0

  constructor(
    private readonly log: Log,
    private readonly member: Member,
    private readonly offsets: readonly CommittedOffset[],
    private readonly isOwner: () => boolean,
  ) {
    this.drafts = new Drafts(
      (at) => log.find(at),
      (sealed) => this.sealed.push(sealed),
    )
  }

  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    const taken = this.drafts.append(at, record, delivery, origin)
    if (!(taken instanceof MillraceError)) return
    this.untold++
    queueMicrotask(() => {
      this.untold--
      delivery.failed(taken, origin)
    })
  }

  async commit(mayEnd = () => true): Promise<void> {
    while (this.untold > 0) await Promise.resolve()
    this.drafts.sealAll()
    const batches = this.sealed.map((sealed) => ({
      log: sealed.log,
      bytes: sealed.bytes,
      kept: (lastOffset: number) => acknowledge(sealed, lastOffset),
    }))
    const isAllowed = () => this.isOwner() && this.member.isAlive() && mayEnd()
    await this.log.transact(batches, this.member.groupId, this.offsets, isAllowed)
  }
}

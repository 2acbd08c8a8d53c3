import { MillraceError } from '../../core/errors.js'
import type { OutRecord } from '../../core/record.js'
import type { CommittedOffset, Delivery, Draft, Member, Transaction, TransactionalProducer, TopicPartition } from '../port.js'
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

  draft(): Draft {
    return new EmbeddedDraft(this.log)
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

/** A record that the log would not take. */
interface Refused {
  readonly error: MillraceError
  readonly delivery: Delivery
  readonly origin: unknown
}

class EmbeddedDraft implements Draft {
  byteLength = 0
  private sealed: SealedDraft[] = []
  private refused: Refused[] = []
  private readonly drafts: Drafts

  constructor(log: Log) {
    this.drafts = new Drafts(
      (at) => log.find(at),
      (sealed) => this.sealed.push(sealed),
    )
  }

  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    const taken = this.drafts.append(at, record, delivery, origin)
    if (taken instanceof MillraceError) this.refused.push({ error: taken, delivery, origin })
    else this.byteLength += taken
  }

  /** All of it; the draft is empty then. */
  take(): { readonly sealed: readonly SealedDraft[]; readonly refused: readonly Refused[] } {
    this.drafts.sealAll()
    const { sealed, refused } = this
    this.sealed = []
    this.refused = []
    this.byteLength = 0
    return { sealed, refused }
  }
}

class EmbeddedTransaction implements Transaction {
  private readonly sealed: SealedDraft[] = []
  private readonly own: EmbeddedDraft

  constructor(
    private readonly log: Log,
    private readonly member: Member,
    private readonly offsets: readonly CommittedOffset[],
    private readonly isOwner: () => boolean,
  ) {
    this.own = new EmbeddedDraft(log)
  }

  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    this.own.append(at, record, delivery, origin)
  }

  add(draft: Draft): void {
    if (!(draft instanceof EmbeddedDraft)) throw new TypeError('the draft belongs to another transport')
    this.tell(draft)
  }

  async commit(mayEnd = () => true): Promise<void> {
    // What a refusal leads to belongs to the transaction.
    while (this.tell(this.own) > 0);
    const batches = this.sealed.map((sealed) => ({
      log: sealed.log,
      bytes: sealed.bytes,
      kept: (lastOffset: number) => acknowledge(sealed, lastOffset),
    }))
    const isAllowed = () => this.isOwner() && this.member.isAlive() && mayEnd()
    await this.log.transact(batches, this.member.groupId, this.offsets, isAllowed)
  }

  /** How many were refused, and have heard of it. */
  private tell(draft: EmbeddedDraft): number {
    const { sealed, refused } = draft.take()
    this.sealed.push(...sealed)
    for (const { error, delivery, origin } of refused) delivery.failed(error, origin)
    return refused.length
  }
}

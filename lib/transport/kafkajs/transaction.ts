import { isMillraceError, MillraceError } from '../../core/errors.js'
import type { OutRecord } from '../../core/record.js'
import type { CommittedOffset, Delivery, Draft, TopicPartition, Transaction } from '../port.js'
import { KafkaDraft } from './draft.js'
import type { Epoch, TransactionContext } from './epoch.js'
import { isHopeless, toMillraceError } from './errors.js'
import type { Generation } from './generation.js'
import { addOffsetsToTxnV1, endTxnV1, txnOffsetCommitV3 } from './transaction-requests.js'
import { within } from './within.js'

/** What a transaction asks of its producer. */
export interface Epochs {
  /** Waits while the transaction before is being aborted. */
  current(): Promise<Epoch>
  /** Offsets are being sent with it. */
  sendsOffsets(): void
  /** The transaction was committed. */
  ended(): void
  /** It failed: what is open is ended, and the next one has a new epoch. */
  renew(epoch: Epoch): void
}

/**
 * Three round trips: what takes part (AddPartitionsToTxn beside AddOffsetsToTxn), what is in it (Produce beside
 * TxnOffsetCommit), the end (EndTxn).
 */
export class KafkaTransaction implements Transaction {
  private epoch: Epoch | null = null

  constructor(
    private readonly epochs: Epochs,
    private readonly context: TransactionContext,
    /** What comes before the commit. */
    private readonly early: KafkaDraft,
    private readonly member: Generation,
    private readonly offsets: readonly CommittedOffset[],
  ) {}

  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    if (this.epoch) this.epoch.sender.append(at, record, delivery, origin)
    else this.early.append(at, record, delivery, origin)
  }

  add(draft: Draft): void {
    if (!(draft instanceof KafkaDraft)) throw new TypeError('the draft belongs to another transport')
    this.early.add(draft)
  }

  async commit(mayEnd = () => true): Promise<void> {
    const { clock, timeoutMs } = this.context
    const epoch = await this.epochs.current()
    // What is asked gives up a little before, with a reason.
    const giveUpAt = clock.now() + timeoutMs * 0.9
    let isGivenUp = false
    const isOver = () => isGivenUp || clock.now() > giveUpAt
    epoch.begin(isOver)
    this.epoch = epoch
    epoch.sender.adopt(this.early.take())
    try {
      const outcome = await within(clock, timeoutMs, this.run(epoch, mayEnd, isOver))
      if (outcome === 'late')
        throw new MillraceError('MR_ABORTED', `a transaction of ${epoch.transactionalId} took more than ${timeoutMs} ms`)
      this.epochs.ended()
    } catch (thrown) {
      isGivenUp = true
      this.epochs.renew(epoch)
      throw asOutcome(toMillraceError(thrown, `a transaction of ${epoch.transactionalId}`))
    }
  }

  private async run(epoch: Epoch, mayEnd: () => boolean, isOver: () => boolean): Promise<void> {
    await Promise.all([epoch.written(), this.commitOffsets(epoch, isOver)])
    // The coordinator checks the generation when the offsets come in, and nobody when the transaction ends.
    if (!this.member.isAlive() || !mayEnd())
      throw new MillraceError('MR_FENCED', `generation ${this.member.generation} is over, or what it has taken is no longer its own`)
    // Once we have said that it failed, its inputs may be read again: it must not be ended after that.
    if (isOver()) throw new MillraceError('MR_ABORTED', `a transaction of ${epoch.transactionalId} was given up`)
    await this.context.coordinator.ask('committing a transaction', endTxnV1(epoch.writer), (code) => code, isOver)
  }

  private async commitOffsets({ writer }: Epoch, isOver: () => boolean): Promise<void> {
    if (this.offsets.length === 0) return
    const { coordinator, coordinatorOfGroup } = this.context
    this.epochs.sendsOffsets()
    const { groupId } = this.member
    await coordinator.ask('adding offsets to a transaction', addOffsetsToTxnV1(writer, groupId), (code) => code, isOver)
    const request = txnOffsetCommitV3(writer, this.member.identity, this.offsets)
    await coordinatorOfGroup(groupId).ask(
      `committing offsets of group ${groupId}`,
      request,
      (answer) => answer.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0,
      isOver,
    )
  }
}

/** Nothing counts, or nobody can say: then the offsets tell. Only what no repetition helps is another matter. */
const asOutcome = (error: MillraceError): MillraceError =>
  isHopeless(error) || lasting.some((code) => isMillraceError(error, code))
    ? error
    : new MillraceError('MR_ABORTED', error.summary, { cause: error })

const lasting = ['MR_FENCED', 'MR_ABORTED', 'MR_TOPIC_MISSING', 'MR_APP_STOPPED', 'MR_CONFIG'] as const

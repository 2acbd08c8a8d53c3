import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import { BatchWriter } from '../batch/writer.js'
import type { CommittedOffset, Member, Transaction, TransactionalProducer, TransactionOptions } from '../port.js'
import { Connections } from './connections.js'
import { KafkaDraft } from './draft.js'
import { Epoch, type TransactionContext } from './epoch.js'
import { broker } from './error-codes.js'
import { toMillraceError } from './errors.js'
import { Generation } from './generation.js'
import type { KafkaSettings } from './internals.js'
import { Writers } from './open-batch.js'
import { coordinates } from './group-requests.js'
import { initProducerIdV1 } from './requests.js'
import { KafkaTransaction, type Epochs } from './transaction.js'
import { AskedCoordinator } from './transaction-coordinator.js'
import { addOffsetsToTxnV1, describeTransactionV0, endTxnV1 } from './transaction-requests.js'
import { within } from './within.js'

const initMs = 15_000
const abortMs = 1000
const outcomes: Readonly<Record<string, 'committed' | 'aborted'>> = {
  PrepareCommit: 'committed',
  CompleteCommit: 'committed',
  PrepareAbort: 'aborted',
  CompleteAbort: 'aborted',
  PrepareEpochFence: 'aborted',
}

/**
 * Transactions (KIP-98, KIP-447) on kafkajs's connections. kafkajs's own sends nine requests one after another, and offsets
 * that any zombie may commit.
 */
export class KafkaTransactionalProducer implements TransactionalProducer, Epochs {
  private epoch: Promise<Epoch>
  private readonly context: TransactionContext
  private isOpen = false
  /** What became of the last transaction that sent offsets. */
  private offsets: 'sent' | 'committed' | 'aborted' | 'unknown' = 'unknown'
  private closing: Promise<void> | null = null

  private constructor(
    private readonly connections: Connections,
    clock: Clock,
    kafka: KafkaSettings,
    private readonly options: TransactionOptions,
    private readonly onClose: (producer: KafkaTransactionalProducer) => void,
  ) {
    const groups = new Map<string, AskedCoordinator>()
    this.context = {
      connections,
      clock,
      coordinator: new AskedCoordinator(connections, clock, options.transactionalId, coordinates.transactions),
      coordinatorOfGroup: (groupId) => {
        const known = groups.get(groupId) ?? new AskedCoordinator(connections, clock, groupId, coordinates.group)
        groups.set(groupId, known)
        return known
      },
      timeoutMs: options.timeoutMs,
      writers: new Writers(() => new BatchWriter(kafka.compression)),
      note: (error) => kafka.log('info', error.message, {}),
    }
    const giveUpAt = clock.now() + initMs
    this.epoch = this.nextEpoch(() => clock.now() > giveUpAt)
  }

  static async open(
    kafka: KafkaSettings,
    clock: Clock,
    options: TransactionOptions,
    onClose: (producer: KafkaTransactionalProducer) => void,
  ): Promise<KafkaTransactionalProducer> {
    const connections = Connections.capture(kafka, clock)
    await connections.connect()
    const producer = new KafkaTransactionalProducer(connections, clock, kafka, options, onClose)
    try {
      await producer.epoch
    } catch (error) {
      await connections.close()
      throw error
    }
    return producer
  }

  draft(): KafkaDraft {
    const { clock, writers } = this.context
    return new KafkaDraft(clock, writers)
  }

  begin(member: Member, offsets: readonly CommittedOffset[]): Transaction {
    if (!(member instanceof Generation)) throw new TypeError('the member belongs to another transport')
    return new KafkaTransaction(this, this.context, this.draft(), member, offsets)
  }

  close(): Promise<void> {
    this.closing ??= this.closeNow()
    return this.closing
  }

  async current(): Promise<Epoch> {
    const epoch = await this.epoch
    if (this.closing !== null) throw new MillraceError('MR_APP_STOPPED', 'the producer is closed')
    this.isOpen = true
    return epoch
  }

  sendsOffsets(): void {
    this.offsets = 'sent'
  }

  ended(): void {
    this.isOpen = false
    if (this.offsets === 'sent') this.offsets = 'committed'
  }

  /**
   * A broker that dies between deciding how a transaction ends and marking it may come back and never mark the offsets (seen on
   * 4.3.1): the transaction is complete, its offsets are held back for ever, and only a marker of the same producer sets them free.
   * So a transaction with nothing but the offsets' partition in it is ended in the same way, where that is known. It is asked for until
   * it is answered: the abort of one that should commit would drop what was held back, which is left to happen only if this process
   * dies meanwhile.
   */
  endForgotten(groupId: string): void {
    if (this.isOpen || this.closing !== null || (this.offsets !== 'committed' && this.offsets !== 'aborted')) return
    const commits = this.offsets === 'committed'
    const { coordinator, note } = this.context
    const isOver = () => this.closing !== null
    const mark = async (epoch: Epoch): Promise<Epoch> => {
      try {
        await coordinator.ask('adding offsets to a transaction', addOffsetsToTxnV1(epoch.writer, groupId), (code) => code, isOver)
        await coordinator.ask('ending a transaction', endTxnV1(epoch.writer, commits), (code) => code, isOver)
        return epoch
      } catch (thrown) {
        note(toMillraceError(thrown, `marking offsets of group ${groupId}`))
        epoch.sender.close()
        return this.nextEpoch(isOver)
      }
    }
    this.epoch = this.epoch.then(mark)
    this.epoch.catch(() => undefined) // whoever begins the next transaction hears of it
  }

  /** A new epoch fences what may still be on its way, and the coordinator ends what the old one left open: that is how we abort. */
  renew(epoch: Epoch): void {
    epoch.sender.close()
    this.isOpen = false
    const isUnknown = this.offsets === 'sent'
    if (isUnknown) this.offsets = 'unknown'
    if (this.closing !== null) return
    const isOver = () => this.closing !== null
    this.epoch = isUnknown ? this.learn(epoch, isOver).then(() => this.nextEpoch(isOver)) : this.nextEpoch(isOver)
    this.epoch.catch(() => undefined) // whoever begins the next transaction hears of it
  }

  /** How the transaction ended, though the answer has not come: the coordinator knows until the next epoch begins. */
  private async learn({ writer }: Epoch, isOver: () => boolean): Promise<void> {
    const { coordinator, note } = this.context
    const { transactionalId, timeoutMs } = this.options
    const what = 'looking at a transaction'
    const describe = () => coordinator.ask(what, describeTransactionV0(transactionalId), ({ errorCode }) => errorCode, isOver)
    try {
      let found = await describe()
      if (found.state === 'Ongoing') {
        // Our end of it may still be on its way: it is decided once the coordinator has begun to abort it, which is when it refuses.
        const begun = ({ errorCode }: { readonly errorCode: number }): number =>
          errorCode === broker.concurrentTransactions ? broker.none : errorCode
        await coordinator.ask(what, initProducerIdV1(transactionalId, timeoutMs), begun, isOver)
        found = await describe()
      }
      if (found.producerId === writer.producerId) this.offsets = outcomes[found.state] ?? 'unknown'
    } catch (thrown) {
      note(toMillraceError(thrown, `${what} of ${transactionalId}`))
    }
  }

  private async closeNow(): Promise<void> {
    const { clock } = this.context
    const epoch = await within(
      clock,
      abortMs,
      this.epoch.catch(() => null),
    )
    if (epoch instanceof Epoch) epoch.sender.close()
    // Others wait for what is left open until it times out. If no broker answers now, it does.
    if (this.isOpen)
      await within(
        clock,
        abortMs,
        this.nextEpoch(() => true),
      ).catch(() => undefined)
    await this.connections.close()
    this.onClose(this)
  }

  private async nextEpoch(isOver: () => boolean): Promise<Epoch> {
    const { transactionalId, timeoutMs } = this.options
    const request = initProducerIdV1(transactionalId, timeoutMs)
    const what = `beginning to write as ${transactionalId}`
    const { producerId, producerEpoch } = await this.context.coordinator.ask(what, request, ({ errorCode }) => errorCode, isOver)
    return new Epoch({ transactionalId, producerId, producerEpoch, isTransactional: true }, this.context)
  }
}

import type { Clock } from '../../core/clock.js'
import type { MillraceError } from '../../core/errors.js'
import type { TopicPartition } from '../port.js'
import type { Connections } from './connections.js'
import { broker } from './error-codes.js'
import { toMillraceError } from './errors.js'
import type { Lane, ProducerId } from './lane.js'
import type { Writers } from './open-batch.js'
import type { PartitionError } from './requests.js'
import { Sender, type Author } from './sender.js'
import type { AskedCoordinator } from './transaction-coordinator.js'
import { addPartitionsToTxnV1, type Writer } from './transaction-requests.js'

/** What transactions are made with. */
export interface TransactionContext {
  readonly connections: Connections
  readonly clock: Clock
  /** Of the transactional id. */
  readonly coordinator: AskedCoordinator
  readonly coordinatorOfGroup: (groupId: string) => AskedCoordinator
  readonly timeoutMs: number
  readonly writers: Writers
  readonly note: (error: MillraceError) => void
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`

/** What one epoch of a transactional producer writes, one transaction after the other; the first that fails is its last. */
export class Epoch implements Author {
  readonly sender: Sender
  readonly lingerMs = 0
  /** It is the transaction that has a time limit. */
  readonly deliveryTimeoutMs = Infinity
  readonly transactionalId: string
  private readonly broken: Promise<never>
  private breakOff: (error: MillraceError) => void = () => undefined
  private isOver: () => boolean = () => true
  /** Partitions that are part of the transaction, and those that are to be. */
  private readonly added = new Set<string>()
  private readonly wanted = new Set<Lane>()
  private isAdding = false

  constructor(
    readonly writer: Writer,
    private readonly context: TransactionContext,
  ) {
    this.transactionalId = writer.transactionalId
    this.broken = new Promise<never>((_, reject) => (this.breakOff = reject))
    this.broken.catch(() => undefined) // heard only while a transaction waits
    this.sender = new Sender(context.connections, context.clock, this, context.writers)
  }

  /** A transaction without partitions yet; `isOver` says that nobody waits for it any more. */
  begin(isOver: () => boolean): void {
    this.added.clear()
    this.isOver = isOver
  }

  /** Resolves when all that was appended is acknowledged or was refused, also what was appended in answer to that. */
  async written(): Promise<void> {
    await Promise.race([this.sender.drained(), this.broken])
  }

  /* ------------------------------------------------------------------ as author */

  identityFor(lane: Lane): ProducerId | null {
    if (this.added.has(nameOf(lane))) return this.writer
    this.wanted.add(lane)
    if (!this.isAdding) queueMicrotask(() => void this.addWanted())
    return null
  }
  startOver(_: Lane, error: MillraceError): void {
    this.breakOff(error)
  }
  giveUp(_: Lane, error: MillraceError): void {
    this.breakOff(error)
  }
  note(error: MillraceError): void {
    this.context.note(error)
  }

  private async addWanted(): Promise<void> {
    if (this.isAdding || this.wanted.size === 0) return
    this.isAdding = true
    const lanes = [...this.wanted]
    this.wanted.clear()
    const what = `adding partitions to a transaction of ${this.transactionalId}`
    try {
      await this.context.coordinator.ask(what, addPartitionsToTxnV1(this.writer, lanes), firstError, this.isOver)
      for (const lane of lanes) this.added.add(nameOf(lane))
    } catch (thrown) {
      this.breakOff(toMillraceError(thrown, what))
    }
    this.isAdding = false
    // Whoever came meanwhile asks again.
    this.sender.wake()
  }
}

/** The coordinator leaves out all partitions because of one, and says so of each. */
const firstError = (answer: readonly PartitionError[]): number => {
  const errors = answer.map(({ errorCode }) => errorCode).filter((code) => code !== broker.none)
  return errors.find((code) => code !== broker.operationNotAttempted) ?? errors[0] ?? broker.none
}

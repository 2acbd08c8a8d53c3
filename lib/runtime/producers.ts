import { MillraceError } from '../core/errors.js'
import type { Producer, TransactionalProducer, Transport } from '../transport/port.js'
import type { Settings } from './config.js'

/** What an app writes with: one producer for all that is in no transaction, and one that has them. */
export class Producers {
  private plainOne: Producer | null = null
  private transactionalOne: TransactionalProducer | null = null

  constructor(
    private readonly transport: Transport,
    private readonly settings: Settings,
  ) {}

  /** What an earlier process of this node left open is aborted. */
  async open(nodeId: string): Promise<void> {
    const { id, isExactlyOnce, transactionTimeoutMs } = this.settings
    this.plainOne = await this.transport.producer()
    if (isExactlyOnce)
      this.transactionalOne = await this.transport.transactionalProducer({
        transactionalId: `${id}-${nodeId}`,
        timeoutMs: transactionTimeoutMs,
      })
  }

  readonly plain = (): Producer => this.plainOne ?? this.notYet()
  readonly transactional = (): TransactionalProducer => this.transactionalOne ?? this.notYet()

  /** Waits for what is on its way. */
  async close(): Promise<void> {
    await this.transactionalOne?.close()
    await this.plainOne?.close()
  }

  private notYet(): never {
    throw new MillraceError('MR_APP_NOT_STARTED', `app ${this.settings.id} cannot write yet`)
  }
}

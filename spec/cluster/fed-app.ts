import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApp, type App, type AppConfig, type AppState, type Logger } from 'millrace'
import { systemClock } from '../../lib/core/clock.js'
import { kafkaTransport } from '../../lib/transport/kafkajs/transport.js'
import type { Producer, Transport } from '../../lib/transport/port.js'
import { seeded } from '../crash/campaign.js'
import { Feed } from '../crash/feed.js'
import { inputOf, outputsOf, partitions } from '../crash/messages.js'
import type { Mode } from '../crash/steps.js'
import type { Work } from '../crash/verdict.js'
import { defineWork } from '../crash/work.js'
import { committedOffsets } from '../support/kafka/ask.js'

export const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
/** Quick to notice, and yet patient enough for a coordinator that is away for a few seconds. */
export const tuning = { sessionTimeout: '6s', heartbeatEvery: '500ms', rebalanceTimeout: '10s', fetchWait: '50ms' } as const

/** An app at work, and who feeds it: a repartition, two tables, three outputs. */
export class FedApp {
  /** As `state$` has shown them. */
  readonly states: AppState[] = []
  private constructor(
    readonly id: string,
    private readonly mode: Mode,
    private readonly brokers: readonly string[],
    private readonly app: App,
    private readonly transport: Transport,
    private readonly producer: Producer,
    readonly feed: Feed,
    private readonly stateDir: string,
  ) {
    app.state$.subscribe({ next: (state) => this.states.push(state), error: () => undefined })
  }

  static async start(id: string, mode: Mode, brokers: readonly string[], config: Partial<AppConfig> = {}): Promise<FedApp> {
    const transport = kafkaTransport({ brokers, clientId: 'feed', clock: systemClock })
    const names = [inputOf(id), ...Object.values(outputsOf(id))]
    await transport.createTopics(names.map((name) => ({ name, partitions, config: {} })))
    const producer = await transport.producer()
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-cluster-'))
    const app = createApp({ id, brokers, stateDir, delivery: mode, commitEvery: '100ms', logger: silent, tuning, ...config })
    defineWork(app, id)
    const fed = new FedApp(id, mode, brokers, app, transport, producer, new Feed(id, producer, seeded(1), 10), stateDir)
    await app.start()
    return fed
  }

  /** Resolves when records have been written and committed, in every partition, that were not there when it was called. */
  async progress(): Promise<void> {
    const target = this.feed.written.map((records) => records.length + 20)
    await Promise.race([this.app.done, this.untilCommitted(target)])
  }

  private async untilCommitted(target: readonly number[]): Promise<void> {
    for (;;) {
      const offsets = await committedOffsets(this.brokers, this.id, inputOf(this.id))
      if (target.every((offset, partition) => (offsets[partition] ?? -1) >= offset)) return
      await sleep(100)
    }
  }

  /** Resolves with what there is to judge, once all that was fed has been worked on. */
  async work(): Promise<Work> {
    await this.feed.stop()
    await this.app.settled()
    return { id: this.id, mode: this.mode, written: this.feed.written }
  }

  async stop(): Promise<void> {
    await this.feed.stop()
    await this.app.stop()
    await this.producer.close()
    await this.transport.close()
    rmSync(this.stateDir, { recursive: true, force: true })
  }
}

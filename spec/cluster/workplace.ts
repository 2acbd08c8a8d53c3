import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { codec, createApp, topic, type App, type AppConfig, type Topic } from 'millrace'
import { systemClock } from '../../lib/core/clock.js'
import { kafkaTransport } from '../../lib/transport/kafkajs/transport.js'
import type { Transport } from '../../lib/transport/port.js'
import type { Mode } from '../crash/steps.js'
import { uniqueName } from '../support/kafka/index.js'
import { readCommitted } from '../support/kafka/read-committed.js'
import { silent, tuning } from './fed-app.js'

export const modes = ['at-least-once', 'exactly-once'] as const

/** Once for each delivery, at the same time. */
export const underBoth = async <A>(work: (mode: Mode) => Promise<A>): Promise<Readonly<Record<Mode, A>>> => {
  const [atLeastOnce, exactlyOnce] = await Promise.all([work('at-least-once'), work('exactly-once')])
  return { 'at-least-once': atLeastOnce, 'exactly-once': exactlyOnce }
}
export const same = <A>(expected: A): Readonly<Record<Mode, A>> => ({ 'at-least-once': expected, 'exactly-once': expected })

/** Topics, a disk and apps of one test, one app at a time; gone after it. */
export class Workplace implements AsyncDisposable {
  readonly id: string
  readonly transport: Transport
  private readonly stateDir = mkdtempSync(join(tmpdir(), 'millrace-cluster-'))
  private readonly apps: App[] = []

  constructor(
    private readonly brokers: readonly string[],
    private readonly mode: Mode,
    private readonly config: Partial<AppConfig> = {},
  ) {
    this.id = uniqueName(mode)
    this.transport = kafkaTransport({ brokers, clientId: 'workplace', clock: systemClock })
  }

  /** The app creates it. */
  text(name: string): Topic<string, string> {
    return topic(`${this.id}-${name}`, { key: codec.string, value: codec.string, partitions: 2 })
  }
  create({ name }: Topic<string, string>, config: Readonly<Record<string, string>> = {}): Promise<void> {
    return this.transport.createTopics([{ name, partitions: 2, config }])
  }

  /** Resolves when a topic that is being deleted is there again, as a new one. */
  async createAgain(topic: Topic<string, string>): Promise<void> {
    while ((await this.transport.describeTopics([topic.name])).size > 0) await sleep(20)
    await this.create(topic)
  }

  async start(define: (app: App) => unknown): Promise<App> {
    const { id, brokers, stateDir, mode, config } = this
    const app = createApp({ id, brokers, stateDir, delivery: mode, commitEvery: '50ms', logger: silent, tuning, ...config })
    this.apps.push(app)
    define(app)
    await app.start()
    return app
  }

  /** One whole life of the app: what is sent to it is worked on. */
  async run(define: (app: App) => unknown, send: (app: App) => Promise<void>): Promise<void> {
    const app = await this.start(define)
    await send(app)
    await app.settled()
    await app.stop()
  }

  loseDisk(): void {
    rmSync(this.stateDir, { recursive: true, force: true })
  }

  /** As Kafka's own reader sees it, in the order of partitions and offsets. */
  async judged({ name }: Topic<string, string>): Promise<readonly (readonly [key: string | null, value: string | null])[]> {
    const [records = []] = await readCommitted(this.brokers, [name])
    return [...records].sort((a, b) => a.partition - b.partition || a.offset - b.offset).map(({ key, value }) => [key, value])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.apps.map((app) => app.stop()))
    await this.transport.close()
    this.loseDisk()
  }
}

/** Per key, in order. */
export const byKey = (records: readonly (readonly [string | null, string | null])[]): Readonly<Record<string, (string | null)[]>> => {
  const found: Record<string, (string | null)[]> = {}
  for (const [key, value] of records) (found[String(key)] ??= []).push(value)
  return found
}

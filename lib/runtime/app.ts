import { BehaviorSubject, Subject, type Observable, type Observer, type Subscriber } from 'rxjs'
import { systemClock, type Clock } from '../core/clock.js'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError, toError } from '../core/errors.js'
import type { KHeadersInit } from '../core/headers.js'
import type { KRecord } from '../core/record.js'
import { createCounters, type Counters } from '../core/telemetry.js'
import { createBuilder, type Builder } from '../dsl/builder.js'
import type { Host, QueriedTable } from '../dsl/host.js'
import type { App, AppConfig, AppState, GlobalTable, KStream, KTable, NewRecord, RestoreProgress, StoreOptions } from '../dsl/surface.js'
import { describe, type Topology } from '../topology/describe.js'
import type { GlobalTableSpec, Port, SinkTopic, StreamOptions } from '../topology/node.js'
import type { TableStore } from '../topology/operator.js'
import { buildPlan, type Plan } from '../topology/plan.js'
import type { ErrorPolicy } from '../topology/policy.js'
import type { Topic, TopicSink, TopicSource } from '../topology/topic.js'
import type { Transport } from '../transport/port.js'
import { readConfig, type Settings } from './config.js'
import { Engine } from './engine.js'
import { openTransport } from './open-transport.js'
import { Taps } from './taps.js'
import { Troubles } from './troubles.js'
import type { WriteOptions } from './writer.js'

/** What a test hands in instead of the real thing. */
export interface Surroundings {
  readonly clock?: Clock
  readonly transport?: () => Promise<Transport>
  readonly checksCodecs?: boolean
  /** Partitions of topics that the embedded log creates. */
  readonly topicPartitions?: number
}

/** Records given to a sink before the start wait for it, up to so many. */
const maxWaitingForStart = 10_000

/** The life of an app: declared, started once, stopped or failed once. What runs in between is the engine's. */
export class RunnableApp implements App, Host {
  readonly id: string
  readonly state$: Observable<AppState>
  readonly restore$: Observable<RestoreProgress>
  readonly done: Promise<void>
  readonly counters: Counters = createCounters()
  private readonly settings: Settings
  private readonly builder: Builder
  private readonly taps = new Taps()
  private readonly heard: Port[] = []
  private readonly states = new BehaviorSubject<AppState>('idle')
  private readonly restores = new Subject<RestoreProgress>()
  private plan: Plan | null = null
  private engine: Engine | null = null
  private starting: Promise<void> | null = null
  private stopping: Promise<void> | null = null
  private failure: Error | null = null
  private isPausedNow = false
  private waitingForStart: (() => void)[] = []
  private readonly ended: { readonly resolve: () => void; readonly reject: (error: Error) => void }
  /** Rejects when the app fails; never resolves. */
  private readonly failed: Promise<never>
  private rejectFailed: (error: Error) => void = () => undefined

  constructor(
    config: AppConfig,
    private readonly surroundings: Surroundings = {},
  ) {
    this.settings = { ...readConfig(config), ...(surroundings.topicPartitions && { embeddedPartitions: surroundings.topicPartitions }) }
    this.id = this.settings.id
    this.builder = createBuilder(this, this.id)
    this.state$ = this.states.asObservable()
    this.restore$ = this.restores.asObservable()
    let ended: typeof this.ended | null = null
    this.done = new Promise((resolve, reject) => (ended = { resolve, reject }))
    this.ended = ended as unknown as typeof this.ended // a Promise's executor has run when its constructor returns
    this.failed = new Promise((_, reject) => (this.rejectFailed = reject))
    // Whoever awaits them hears of it; nobody is bound to. The failure is in the log and in state$ as well.
    this.done.catch(() => undefined)
    this.failed.catch(() => undefined)
  }

  /* ------------------------------------------------------------- declaring */

  stream<K, V>(source: TopicSource<K, V> | readonly TopicSource<K, V>[], options?: StreamOptions): KStream<K, V> {
    return this.builder.stream(source, options)
  }
  table<K, V>(
    source: Topic<K, V>,
    store?: StoreOptions<V> & { history?: Duration | undefined; onError?: ErrorPolicy | undefined },
  ): KTable<K, V> {
    return this.builder.table(source, store)
  }
  globalTable<K, V>(source: Topic<K, V>): GlobalTable<K, V> {
    return this.builder.globalTable(source)
  }
  describe(): Topology {
    return describe(this.plan ?? this.buildPlan())
  }
  assertOpen(verb: string): void {
    if (this.starting || this.stopping)
      throw new MillraceError('MR_TOPOLOGY_FROZEN', `${verb} was called after the app ${this.id} had started`)
  }

  /* ---------------------------------------------------------------- writing */

  async send<K, V>(
    topic: TopicSink<K, V>,
    key: K,
    value: V,
    options?: { headers?: KHeadersInit | undefined; timestamp?: number | undefined },
  ): Promise<void> {
    const { writer } = this.running()
    return this.orFailed(writer.write(topic, key, value, options))
  }

  sink<K, V>(topic: TopicSink<K, V>): Observer<NewRecord<K, V>> {
    const write = ({ key, value, headers, timestamp }: NewRecord<K, V>) => {
      this.send(topic, key, value, { headers, timestamp }).catch((thrown: unknown) => this.notWritten(topic.name, toError(thrown)))
    }
    return {
      next: (record) => {
        if (this.engine || this.failure || this.stopping) return write(record)
        if (this.waitingForStart.length >= maxWaitingForStart) {
          return this.notWritten(
            topic.name,
            new MillraceError('MR_APP_NOT_STARTED', `more than ${maxWaitingForStart} records wait for the start of the app ${this.id}`),
          )
        }
        this.waitingForStart.push(() => write(record))
      },
      error: (error: unknown) =>
        this.settings.logger.error({ topic: topic.name, error: toError(error).message }, 'the Observable of a sink ended with an error'),
      complete: () => undefined,
    }
  }

  private notWritten(topic: string, error: Error): void {
    this.settings.logger.error({ topic, error: error.message }, 'a record of a sink was not written')
  }

  /* ---------------------------------------------------------------- reading */

  subscribe(port: Port, subscriber: Subscriber<KRecord<unknown, unknown>>): () => void {
    if (this.failure) {
      subscriber.error(this.failure)
      return () => undefined
    }
    if (this.states.value === 'stopped') {
      subscriber.complete()
      return () => undefined
    }
    if (!this.plan) this.heard.push(port)
    return this.taps.at(port).add(subscriber)
  }
  assertHearable(port: Port): void {
    if (!this.plan || this.plan.subTopologies.some(({ nodes }) => nodes.includes(port.node))) return
    throw new MillraceError('MR_TOPOLOGY_FROZEN', `a stream that is not part of what the app ${this.id} runs was subscribed to`)
  }
  observerThrew(error: unknown): void {
    this.settings.logger.error({ app: this.id, error: toError(error).message }, 'a subscriber of a stream threw')
  }
  async lookUp<K, A, R>(table: QueriedTable<K, A>, key: K, read: (rows: TableStore<K, A>) => R): Promise<R> {
    return this.running().queries.lookUp(table, key, read)
  }
  async partitions<K, A>(table: QueriedTable<K, A>): Promise<readonly TableStore<K, A>[]> {
    return this.running().queries.partitions(table)
  }
  async globalRows<K, A>(table: GlobalTableSpec): Promise<TableStore<K, A>> {
    const rows = this.running().globals.get(table.name)?.rows
    if (rows === undefined) throw new MillraceError('MR_NOT_QUERYABLE', `global table ${table.name} is not part of what runs`)
    return rows
  }

  /* ------------------------------------------------------------------- life */

  start(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.stopping) return Promise.reject(new MillraceError('MR_APP_STOPPED', `the app ${this.id} has been stopped`))
    if (this.starting) return this.starting
    const { signal } = options
    if (signal?.aborted) return Promise.reject(toError(signal.reason))
    const giveUp = () => void this.stop()
    signal?.addEventListener('abort', giveUp, { once: true })
    this.starting = this.startNow().finally(() => signal?.removeEventListener('abort', giveUp))
    return this.starting
  }

  private async startNow(): Promise<void> {
    try {
      this.plan = this.buildPlan()
      this.states.next('starting')
      const clock = this.surroundings.clock ?? systemClock
      const { hear } = new Troubles(this.counters, this.settings.logger, clock)
      const transport = await (this.surroundings.transport?.() ?? openTransport(this.settings, hear))
      const engine = new Engine({
        settings: this.settings,
        plan: this.plan,
        clock,
        transport,
        onTrouble: hear,
        taps: this.taps,
        counters: this.counters,
        checksCodecs: this.surroundings.checksCodecs ?? false,
        isPaused: () => this.isPausedNow,
        onState: (state) => this.show(state),
        onRestore: (progress) => this.restores.next(progress),
        fail: (error) => this.fail(error),
      })
      this.engine = engine
      await this.orFailed(engine.start())
    } catch (thrown) {
      this.fail(toError(thrown))
      // Whoever hears of it may exit at once: the group must have been left by then.
      await this.closed
      throw this.failure ?? thrown
    }
    if (this.stopping) throw new MillraceError('MR_APP_STOPPED', `the app ${this.id} was stopped while it started`)
    const waiting = this.waitingForStart
    this.waitingForStart = []
    for (const write of waiting) write()
  }

  stop(options: { deadline?: Duration | undefined } = {}): Promise<void> {
    const deadlineMs = durationMs(options.deadline ?? '30s', 'deadline')
    this.stopping ??= this.stopNow(deadlineMs)
    return this.stopping
  }

  private async stopNow(deadlineMs: number): Promise<void> {
    if (this.failure) return this.closed
    if (this.starting) this.show('stopping')
    await this.engine?.stop(deadlineMs, true)
    if (this.isFailed()) return
    this.states.next('stopped')
    for (const tap of this.taps.all()) tap.complete()
    this.endStates()
    this.ended.resolve()
  }

  pause(): void {
    this.isPausedNow = true
  }
  resume(): void {
    this.isPausedNow = false
    this.engine?.wake()
  }

  async settled(): Promise<void> {
    const engine = this.running()
    await this.orFailed(this.starting ?? Promise.resolve())
    return this.orFailed(engine.settled())
  }

  /** For tests: read to the end, nothing committed for it. */
  async processed(): Promise<void> {
    return this.orFailed(this.running().processed())
  }

  /** For tests: writes as `send` does, whatever the descriptor's types say. */
  async write(topic: SinkTopic, key: unknown, value: unknown, options: WriteOptions): Promise<void> {
    return this.orFailed(this.running().writer.write(topic, key, value, options))
  }

  /** For tests: as if the process had been killed. */
  abandon(): void {
    this.stopping ??= Promise.resolve()
    this.engine?.abandon()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** What the app was closed with after a failure. */
  private closed: Promise<void> = Promise.resolve()

  private fail(error: Error): void {
    if (this.failure || this.states.value === 'stopped') return
    this.failure = error
    this.settings.logger.error({ app: this.id, error: error.message }, 'the app has failed')
    this.states.next('failed')
    this.rejectFailed(error)
    this.closed = this.engine?.stop(5000, false) ?? Promise.resolve()
    for (const tap of this.taps.all()) tap.error(error)
    void this.closed.finally(() => {
      this.endStates()
      this.ended.reject(error)
    })
  }

  private isFailed(): boolean {
    return this.failure !== null
  }

  private endStates(): void {
    this.restores.complete()
    this.states.complete()
  }

  private show(state: AppState): void {
    const isOver = this.failure !== null || this.states.value === 'stopped'
    if (!isOver && !(this.states.value === 'stopping' && state !== 'stopping') && this.states.value !== state) this.states.next(state)
  }

  private buildPlan(): Plan {
    return buildPlan(this.builder.declaration(this.heard), this.id)
  }

  private running(): Engine {
    if (this.failure) throw this.failure
    if (this.stopping) throw new MillraceError('MR_APP_STOPPED', `the app ${this.id} has been stopped`)
    if (this.engine === null) throw new MillraceError('MR_APP_NOT_STARTED', `the app ${this.id} has not been started`)
    return this.engine
  }

  private orFailed<A>(work: Promise<A>): Promise<A> {
    return Promise.race([work, this.failed])
  }
}

/**
 * Makes an app: declare streams and tables on it, then `start` it.
 *
 * Without `brokers` it runs on the embedded log, in this process and without Kafka; with them on Kafka, and nothing else changes.
 *
 * **Throws** `MR_CONFIG`, `MR_DURATION`, `MR_NAME_INVALID`.
 *
 * @example
 * const app = createApp({ id: 'word-count' })
 * @since 0.1.0
 */
export const createApp = (config: AppConfig): App => new RunnableApp(config)

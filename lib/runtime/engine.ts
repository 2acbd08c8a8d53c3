import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../core/clock.js'
import { isMillraceError, MillraceError, toError } from '../core/errors.js'
import type { Counters } from '../core/telemetry.js'
import type { AppState, RestoreProgress } from '../dsl/surface.js'
import { openLmdbFile } from '../state/lmdb.js'
import { openMemoryFile } from '../state/memory.js'
import type { StateFile } from '../state/port.js'
import { openSlot, type Slot } from '../state/slot.js'
import type { Plan } from '../topology/plan.js'
import type { Transport, TroubleListener } from '../transport/port.js'
import { Assignment } from './assignment.js'
import { Bounds } from './bounds.js'
import { atLeastOnce, exactlyOnce } from './commits.js'
import type { Settings } from './config.js'
import { DeadLetters } from './dead-letters.js'
import { Failures } from './failures.js'
import { GlobalRows } from './global-tables.js'
import { groupOptions } from './group-options.js'
import { logging } from './logger.js'
import { openTask, type OpeningContext } from './open-task.js'
import { Producers } from './producers.js'
import { Queries } from './queries.js'
import { restoreProgress } from './restore-progress.js'
import type { SelfCommitting, Services } from './services.js'
import { settle } from './settle.js'
import { Signal } from './signal.js'
import type { Taps } from './taps.js'
import { TopicCatalogue } from './topic-catalogue.js'
import { Transactions } from './transactions.js'
import { isFedUp } from './upstream.js'
import { Writer } from './writer.js'

export interface EngineOptions {
  readonly settings: Settings
  readonly plan: Plan
  readonly clock: Clock
  readonly transport: Transport
  readonly onTrouble: TroubleListener
  readonly taps: Taps
  readonly counters: Counters
  readonly checksCodecs: boolean
  readonly isPaused: () => boolean
  readonly onState: (state: AppState) => void
  readonly onRestore: (progress: RestoreProgress) => void
  readonly fail: (error: Error) => void
}

/** How often the topics are looked at: partitions added, a topic deleted; and repartition topics purged. */
const watchEveryMs = 30_000

/** One run of an app, from its first look at the topics to the last commit: owns everything that must be closed. */
export class Engine {
  readonly writer: Writer
  readonly queries: Queries
  readonly globals = new Map<string, GlobalRows>()
  private readonly topics: TopicCatalogue
  private readonly assignment: Assignment
  private readonly services: Services
  private readonly progress = new Signal()
  private slot: Slot | null = null
  private readonly producers: Producers
  private readonly bounds: Bounds
  private isFailing = false
  private isMember = false
  private state: AppState = 'starting'
  private readonly timers = new Map<string, Timer>()
  private readonly purgedAt = new Map<string, number>()
  private isClosing = false
  /** Without a folder the member is new each time. */
  private readonly newNodeId = randomUUID()

  constructor(private readonly options: EngineOptions) {
    const { settings, plan, clock, transport } = options
    this.topics = new TopicCatalogue(transport, plan, settings)
    this.producers = new Producers(transport, settings)
    this.bounds = new Bounds(transport, this.topics, options.onTrouble)
    this.services = this.createServices()
    this.writer = new Writer(this.topics, this.producers.plain, clock)
    this.assignment = new Assignment({
      plan,
      clock,
      logger: settings.logger,
      open: (task, member, isVoid) => openTask(task, this.openingContext(member, isVoid)),
      onState: (state) => this.setState(state),
      onRebalance: () => options.counters.rebalances++,
      onOutOfRange: (at) => this.bounds.whenOutOfRange(at),
      fail: this.fail,
    })
    this.queries = new Queries({
      plan,
      counts: this.topics.counts,
      task: (id) => this.assignment.task(id),
      running: () => this.assignment.running,
      isRunning: () => this.state === 'running',
    })
  }

  /** Resolves when every assigned partition runs. */
  async start(): Promise<void> {
    const { settings, plan, transport } = this.options
    await this.topics.prepare()
    await this.bounds.prepare(plan)
    if (settings.stateDir !== null) this.slot = openSlot(settings.stateDir, settings.id)
    await this.producers.open(this.nodeId)
    await Promise.all(plan.globals.map((spec) => this.startGlobal(spec)))
    if (plan.subTopologies.length > 0) {
      const held = () => (this.slot ? this.assignment.held(this.slot.held()) : [])
      await transport.join(groupOptions(settings, plan, { nodeId: this.nodeId, held }), this.assignment)
      this.isMember = true
      await this.assignment.settle()
    } else this.setState('running')
    this.every('commit', settings.commitEveryMs, () => this.commitIdle())
    this.every('watch', watchEveryMs, () => this.watch())
  }

  /** Commits what is done. Rejects with what keeps it from being committed. */
  async commitAll(): Promise<void> {
    await Promise.all(this.assignment.running.map((task) => task.commit()))
  }

  /** A task that is still at its last commit is left to it: what it waits for holds up nobody else. */
  private async commitIdle(): Promise<void> {
    for (const task of this.assignment.running) {
      this.commitSoon(task)
      // A member that fell silent and is heard again has nobody else to tell its tasks.
      task.schedule()
    }
  }

  private commitSoon(task: SelfCommitting): void {
    if (!task.isCommitting) task.commit().catch((thrown: unknown) => this.notCommitted(toError(thrown)))
  }

  private readonly fail = (error: Error): void => {
    this.isFailing = true
    this.options.fail(error)
  }

  settled(): Promise<void> {
    return settle({ ...this.settling(), commit: () => this.commitAll(), isQuiet: (task) => task.isCommitted })
  }

  /** As `settled`, but nothing is committed for it. */
  processed(): Promise<void> {
    return settle({ ...this.settling(), commit: () => Promise.resolve(), isQuiet: () => true })
  }

  private settling() {
    return {
      transport: this.options.transport,
      assignment: this.assignment,
      progress: this.progress,
      isRunning: () => this.state === 'running',
    }
  }

  /** What may have changed what the tasks may do. */
  wake(): void {
    for (const task of this.assignment.running) task.schedule()
    this.progress.notify()
  }

  /** Drains and commits, unless the app has failed; closes everything, whatever happens on the way. */
  async stop(deadlineMs: number, isOrderly: boolean): Promise<void> {
    this.isClosing = true
    for (const timer of this.timers.values()) timer.cancel()
    if (!isOrderly) this.assignment.closeAll()
    const step = async (what: string, close: () => Promise<void> | undefined) => {
      try {
        await close()
      } catch (thrown) {
        this.options.settings.logger.warn({ error: toError(thrown).message }, `${what} did not close cleanly`)
      }
    }
    if (this.isMember) await step('membership', () => this.assignment.member.leave(deadlineMs))
    this.assignment.closeAll()
    for (const global of this.globals.values()) await step('global table', () => global.close())
    await step('producers', () => (isOrderly ? this.producers.close() : undefined))
    await step('transport', () => this.options.transport.close())
    this.slot?.release()
    this.progress.notify()
  }

  /** As `kill -9` would: nothing is drained, committed or said; only what this process holds open is let go. */
  abandon(): void {
    this.isClosing = true
    for (const timer of this.timers.values()) timer.cancel()
    this.assignment.closeAll()
    for (const global of this.globals.values()) void global.close().catch(() => undefined)
    this.slot?.release()
  }

  /* ---------------------------------------------------------------- pieces */

  private createServices(): Services {
    const { settings, clock, transport, taps, counters, checksCodecs, isPaused } = this.options
    const { plain } = this.producers
    return {
      appId: settings.id,
      clock,
      ...logging(settings.logger),
      transport,
      counters,
      taps,
      checksCodecs,
      producer: plain,
      isExactlyOnce: settings.isExactlyOnce,
      openCommits: settings.isExactlyOnce ? exactlyOnce(this.createTransactions()) : atLeastOnce(plain),
      fail: this.fail,
      isPaused,
      isFedUp: (inputs) => isFedUp({ ...this.options, counts: this.topics.counts, member: () => this.assignment.member }, inputs),
      dirtyBytes: settings.dirtyBytes,
      failures: this.createFailures(),
      member: () => this.assignment.member,
      topicInfo: (name) => this.topics.info(name),
      discover: (topic) => this.topics.discover(topic),
      globalTable: (name) => this.global(name).rows,
      onProgress: this.progress.notify,
      requestCommit: (task) => this.commitSoon(task),
    }
  }

  private createFailures(): Failures {
    const { settings, clock, counters } = this.options
    return new Failures({
      policyOf: (topic) => this.topics.policyOf(topic),
      deadLetters: new DeadLetters({
        appId: settings.id,
        clock,
        topicInfo: (name) => this.topics.info(name),
        stop: this.fail,
        onPublished: () => counters.deadLetters++,
      }),
      clock,
      logger: settings.logger,
      stop: this.fail,
      onFailure: (stage) => counters.failures[stage]++,
    })
  }

  private createTransactions(): Transactions {
    return new Transactions({
      producer: this.producers.transactional,
      reopen: (tasks) => this.assignment.reopen(tasks),
      fail: this.fail,
      isFailing: () => this.isFailing,
    })
  }

  private get nodeId(): string {
    return this.slot?.nodeId ?? this.newNodeId
  }

  private global(name: string): GlobalRows {
    const rows = this.globals.get(name)
    if (rows === undefined) throw new MillraceError('MR_APP_NOT_STARTED', `global table ${name} is not there yet`)
    return rows
  }

  private async startGlobal(spec: Plan['globals'][number]): Promise<void> {
    const { transport, settings } = this.options
    const rows = new GlobalRows(spec, {
      transport,
      logger: settings.logger,
      partitionsOf: (topic) => this.topics.info(topic)?.partitions ?? 0,
      openFile: (name) => this.openFile(name),
      fail: this.fail,
    })
    this.globals.set(spec.name, rows)
    await rows.start()
  }

  private openFile(name: string): StateFile {
    const { settings, clock } = this.options
    if (this.slot === null) return openMemoryFile()
    const { file, reason } = openLmdbFile(this.slot.taskFolder(name), { identity: { app: settings.id, task: name, format: 1 }, clock })
    if (reason)
      settings.logger.warn({ task: name, code: reason.code, error: reason.summary }, 'state set aside; it is restored from the changelog')
    return file
  }

  private openingContext(member: OpeningContext['member'], isVoid: () => boolean): OpeningContext {
    return {
      services: this.services,
      found: this.topics.found,
      member,
      isVoid,
      openFile: (name) => this.openFile(name),
      untilOf: (at) => this.bounds.until(at),
      onProgress: restoreProgress(this.options.clock, this.options.onRestore),
    }
  }

  private setState(state: 'rebalancing' | 'restoring' | 'running'): void {
    if (this.isClosing) return
    this.state = state
    this.options.onState(state)
    this.progress.notify()
  }

  /* ----------------------------------------------------------- time goes on */

  private every(name: string, periodMs: number, work: () => Promise<void>): void {
    if (this.isClosing) return
    const tick = () => {
      work()
        .catch((thrown: unknown) => this.notCommitted(toError(thrown)))
        .finally(() => this.every(name, periodMs, work))
    }
    this.timers.set(name, this.options.clock.after(periodMs, tick))
  }

  /** Retriable: the next tick tries again, or a rebalance makes it void. */
  private notCommitted(error: Error): void {
    if (this.isClosing) return
    this.progress.notify()
    if (isMillraceError(error) && error.retriable)
      this.options.settings.logger.warn({ code: error.code, error: error.summary }, 'will be tried again')
    else this.fail(error)
  }

  private async watch(): Promise<void> {
    await this.topics.watch()
    await this.purge()
  }

  /** Repartition topics are the app's own: what is committed is needed by nobody. */
  private async purge(): Promise<void> {
    const done = this.assignment.running.flatMap((task) => task.committedOffsets()).filter(({ topic }) => this.topics.isRepartition(topic))
    const fresh = done.filter(({ topic, partition, offset }) => offset > (this.purgedAt.get(`${topic}-${partition}`) ?? 0))
    if (fresh.length === 0) return
    for (const { topic, partition, offset } of fresh) this.purgedAt.set(`${topic}-${partition}`, offset)
    await this.options.transport.deleteRecords(fresh)
  }
}

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import type { App, AppConfig } from '../dsl/surface.js'
import { RunnableApp } from '../runtime/app.js'
import type { Topic } from '../topology/topic.js'
import type { Log } from '../transport/embedded/log.js'
import { createMemoryLog } from '../transport/embedded/registry.js'
import { embeddedTransport, type EmbeddedTransport } from '../transport/embedded/transport.js'
import { createInput, type TestInput } from './input.js'
import { createOutput, type TestOutput } from './output.js'
import { scratchFolder } from './scratch-folder.js'
import { VirtualClock } from './virtual-clock.js'

/**
 * How `testContext` sets an app up: any setting of the app, and
 * @since 0.1.0
 */
export interface TestOptions extends Partial<AppConfig> {
  /** Of topics that declare none. Default 4. */
  readonly partitions?: number | undefined
  /** Where the virtual clock starts, ms since the epoch. Default 0. */
  readonly now?: number | undefined
  /** 'manual': nothing is committed but by `commit()`. Default 'each': after each `send`. */
  readonly commit?: 'each' | 'manual' | undefined
}

/**
 * An app on an embedded log in memory, state on a disk of its own, and a clock that stands still until it is moved.
 * @since 0.1.0
 */
export interface TestContext extends AsyncDisposable {
  /** The app that runs now, of several members the first: another one after `restart`, `crash` and `loseDisk`, which are its own. */
  readonly app: App
  /** Everything sent so far is processed and committed. Done after each `send` unless `commit: 'manual'`. */
  commit(): Promise<void>
  /** Where records of a topic are put in. */
  input<K, V>(topic: Topic<K, V>): TestInput<K, V>
  /** Where records of a topic are read. */
  output<K, V>(topic: Topic<K, V>): TestOutput<K, V>
  /** Moves the wall clock; timers and commits that are due happen before it resolves. */
  advance(by: Duration): Promise<void>
  /** Stops and starts on the same disk and the same log. */
  restart(): Promise<void>
  /** As if the process had been killed now: nothing that was not committed survives. Then starts again and processes to the end. */
  crash(): Promise<void>
  /** As crash, with the disk lost too. */
  loseDisk(): Promise<void>
  /**
   * So many members of one group, each with a disk of its own, from now on: those that join take their share of the partitions, those
   * that leave hand theirs on. Default 1. `MR_CONFIG` unless it is a whole number above 0.
   */
  scale(members: number): Promise<void>
}

/**
 * Starts the pipelines that `define` declares, ready to be fed. Every value that is stored is encoded and decoded once more, so
 * that a lossy codec shows here (`MR_CODEC_LOSSY`) and not after a restart.
 *
 * **Throws** (rejects) with what keeps the app from starting; `send` and the others with what failed it.
 * **Source** Kafka Streams' TopologyTestDriver, with partitions, commits and crashes.
 *
 * @example
 * await using t = await testContext((app) => app.stream(words).groupByKey().count().toTopic(counts))
 * await t.input(words).send('mill', 'wheel')
 * expect(t.output(counts).values()).toEqual([1])
 * @since 0.1.0
 */
export const testContext = async (define: (app: App) => unknown, options: TestOptions = {}): Promise<TestContext> => {
  const context = new Context(define, options)
  await context.open()
  return context
}

/** One of the group: as a process of its own, as far as the others can tell. */
interface Running {
  readonly app: RunnableApp
  transport: EmbeddedTransport | null
}

class Context implements TestContext {
  private readonly clock: VirtualClock
  private readonly log: Log
  private readonly disk = scratchFolder()
  private readonly members: Running[] = []

  constructor(
    private readonly define: (app: App) => unknown,
    private readonly options: TestOptions,
  ) {
    this.clock = new VirtualClock(options.now ?? 0)
    this.log = createMemoryLog({ clock: this.clock })
  }

  get app(): App {
    return this.current
  }

  /** The first member, or the first anew. */
  async open(): Promise<void> {
    await this.start(0)
    await this.process()
  }

  commit(): Promise<void> {
    return this.untilDone(this.allOf((app) => app.settled()))
  }

  input<K, V>(topic: Topic<K, V>): TestInput<K, V> {
    return createInput(topic, {
      now: () => this.clock.now(),
      write: (...record) => this.current.write(...record),
      process: () => this.process(),
    })
  }

  output<K, V>(topic: Topic<K, V>): TestOutput<K, V> {
    return createOutput(topic, this.log)
  }

  async advance(by: Duration): Promise<void> {
    await this.clock.advance(durationMs(by, 'advance'), turns)
    await this.process()
  }

  async restart(): Promise<void> {
    await this.untilDone(this.current.stop())
    await this.open()
  }

  async crash(): Promise<void> {
    this.kill()
    await this.open()
  }

  async loseDisk(): Promise<void> {
    this.kill()
    rmSync(this.diskOf(0), { recursive: true, force: true })
    await this.open()
  }

  async scale(members: number): Promise<void> {
    if (!Number.isInteger(members) || members < 1)
      throw new MillraceError('MR_CONFIG', `scale: ${members} members, which is not a whole number above 0`)
    while (this.members.length < members) await this.start(this.members.length)
    for (const { app } of this.members.splice(members)) await this.untilDone(app.stop())
    await this.process()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = Promise.all(this.members.map(({ app }) => app.stop()))
    await this.untilDone(stopped.then(() => undefined)).finally(() => rmSync(this.disk, { recursive: true, force: true }))
  }

  private get current(): RunnableApp {
    const [first] = this.members
    if (first === undefined) throw new Error('the test context has not been opened')
    return first.app
  }

  private diskOf(member: number): string {
    return join(this.disk, `member-${member}`)
  }

  private async start(member: number): Promise<void> {
    const { partitions: _partitions, now: _now, commit: _commit, ...config } = this.options
    const running: Running = {
      app: new RunnableApp(
        { id: 'test', stateDir: this.diskOf(member), ...config },
        {
          clock: this.clock,
          checksCodecs: true,
          topicPartitions: this.options.partitions ?? 4,
          transport: async () => (running.transport = await embeddedTransport({ log: this.log, clock: this.clock })),
        },
      ),
      transport: null,
    }
    this.members[member] = running
    this.define(running.app)
    await running.app.start()
  }

  private kill(): void {
    this.current.abandon()
    this.members[0]?.transport?.kill()
  }

  private process(): Promise<void> {
    return this.untilDone(this.allOf((app) => (this.options.commit === 'manual' ? app.processed() : app.settled())))
  }

  /** What one member writes another may have to read: rounds over all, until one finds nothing new. */
  private async allOf(work: (app: RunnableApp) => Promise<void>): Promise<void> {
    const done = (): number => this.members.reduce((sum, { app }) => sum + app.counters.recordsIn + app.counters.commits, 0)
    for (let before = -1; before !== done();) {
      before = done()
      await Promise.all(this.members.map(({ app }) => work(app)))
      if (this.members.length === 1) return
    }
  }

  /** Back-offs pass at once when nothing else is left to do; real promises of the user take the time they take. */
  private async untilDone(work: Promise<void>): Promise<void> {
    const state = { isOver: false }
    const over = work.finally(() => (state.isOver = true))
    over.catch(() => undefined)
    for (let quiet = 0; !state.isOver; quiet++) {
      await turns()
      if (quiet > 4 && !state.isOver && this.clock.passWait()) quiet = 0
    }
    return over
  }
}

/** Lets everything happen that was about to: promises, and the log's deliveries, which take a turn of the event loop each. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve))
}

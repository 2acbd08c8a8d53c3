import { MillraceError, toError } from '../core/errors.js'
import type { Receipt } from '../topology/operator.js'
import type { Chunk, PartitionOffset } from '../transport/port.js'
import type { Committable } from './committer.js'
import { answerHead } from './failed-head.js'
import { Idleness } from './idleness.js'
import type { Input, Slice, TaskInput } from './input.js'
import { chooseInput } from './merge-order.js'
import { Patience } from './patience.js'
import { Ledger } from './receipts.js'
import type { Mark } from './recovery.js'
import type { Services } from './services.js'
import { goodOnes } from './source.js'
import { OpenTaskContext } from './task-context.js'
import type { TaskStores } from './task-stores.js'
import type { Entrance } from './wiring.js'

/** Held by the verbs of a task at most, before it takes more: the back-pressure. */
const maxHeldRecords = 8192
const maxHeldBytes = 16 * 1024 * 1024
/** Records worked on before the event loop gets its turn: heartbeats, fetches, timers. */
const recordsPerTurn = 8192

/** A sub-topology open for one partition number: takes batches in order of time, and answers for them. */
export class Task implements Committable {
  readonly context: OpenTaskContext
  readonly clock
  readonly producer
  readonly member
  readonly outbox
  private readonly commits
  private readonly ledger: Ledger
  private entrances: readonly Entrance[] = []
  private isRunning = false
  private isScheduled = false
  private isStuck = false
  private readonly paused = new Set<Input>()
  private readonly patience: Patience
  private readonly idleness: Idleness
  private draining: { readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null
  private committing: Promise<void> = Promise.resolve()
  private commitsOpen = 0
  private hasFailedToCommit = false
  private committedAt: readonly number[] = []

  constructor(
    readonly id: string,
    readonly partition: number,
    readonly inputs: readonly TaskInput[],
    readonly stores: TaskStores,
    public mark: Mark,
    private readonly services: Services,
  ) {
    this.clock = services.clock
    this.producer = services.producer
    this.member = services.member
    this.commits = services.openCommits()
    this.outbox = this.commits.outbox
    this.patience = new Patience(this.clock, () => this.schedule())
    this.ledger = new Ledger(
      () => this.onSettled(),
      (error) => services.fail(error),
    )
    this.idleness = new Idleness(
      this.clock,
      () => this.isAtEnd(),
      () => services.isFedUp(inputs.map(({ input }) => ({ ...input.at, nextOffset: input.nextOffset }))),
    )
    this.context = new OpenTaskContext(services, partition, stores, this.ledger, this.outbox, this.idleness, () => this.schedule())
    this.committedAt = inputs.map(({ input }) => input.frontier.offset)
  }

  run(entrances: readonly Entrance[]): void {
    this.entrances = entrances
    this.isRunning = true
    for (const { input } of this.inputs) this.startReading(input)
    this.idleness.start()
    this.schedule()
  }

  /** Whoever had the partition before may have left it paused. */
  private startReading(input: Input): void {
    this.paused.delete(input)
    this.services.member().start({ ...input.at, offset: input.nextOffset })
    this.services.member().resume(input.at)
  }

  /* ------------------------------------------------------------------ intake */

  take(chunk: Chunk): void {
    const found = this.inputs.find(({ input }) => input.at.topic === chunk.topic)
    if (found === undefined || !this.isRunning) return
    const { input } = found
    input.add(chunk)
    this.patience.heard(input)
    if (input.isFinished) this.pauseInput(input)
    this.schedule()
  }

  schedule(): void {
    if (this.isScheduled || !this.isRunning) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      try {
        this.turn()
        this.makeRoom()
      } catch (thrown) {
        this.services.fail(toError(thrown))
      }
    })
  }

  private turn(): void {
    let worked = 0
    while (worked < recordsPerTurn) {
      const took = this.mayTake() ? this.step() : -1
      if (took < 0) break
      // A step without records costs a turn something, too.
      worked += took + 8
    }
    // All that was taken may be held back by choice: then nobody else asks.
    if (!this.hasFailedToCommit) this.commitIfMuch()
    if (worked >= recordsPerTurn) this.schedule()
  }

  private makeRoom(): void {
    for (const { input } of this.inputs) if (input.hasTaken) this.services.member().taken(input.at, input.taken())
  }

  private mayTake(): boolean {
    if (!this.isRunning || this.context.hasCommitWaiting || this.isStuck || this.services.isPaused() || this.context.isHeld) return false
    if (this.uncommittedBytes >= 2 * this.services.dirtyBytes) return false
    return this.ledger.heldRecords < maxHeldRecords && this.ledger.heldBytes < maxHeldBytes && this.services.member().isAlive()
  }

  /** How many records were taken; -1: nothing now, and whatever changes that schedules the next turn. */
  private step(): number {
    const choice = chooseInput(this.inputs, this.patience.givenUpOn)
    switch (choice._tag) {
      case 'Take':
        return this.takeFrom(choice.index, choice.limit)
      case 'Prepare':
        void choice.until.then(() => this.schedule())
        return -1
      case 'Wait':
        this.patience.waitFor(choice.inputs)
        return -1
      case 'AtEnd':
        this.services.onProgress()
        return -1
    }
  }

  private isAtEnd(): boolean {
    const mayTake = this.isRunning && !this.context.hasCommitWaiting && !this.services.isPaused()
    return mayTake && this.ledger.isDrained && this.inputs.every(({ input }) => input.isAtEnd && input.queuedBytes === 0)
  }

  private takeFrom(index: number, limit: number): number {
    const { input } = this.inputs[index] as TaskInput
    const hasFailed = input.hasFailedHead
    this.context.holdsNothingBack = false
    const slice = hasFailed ? input.takeFailed() : input.take(limit)
    this.services.counters.recordsIn += slice.raws.length
    if (slice.raws.length > 0) this.idleness.end()
    const begun = this.ledger.begin(input.frontier, slice.nextOffset, { records: slice.raws.length, bytes: slice.bytes })
    const receipt = this.entrances[index]?.admit(begun) ?? begun
    if (hasFailed) this.answerFailed(index, slice, receipt)
    else this.send(index, slice, receipt)
    if (input.isFinished) this.pauseInput(input)
    return slice.raws.length
  }

  private send(index: number, slice: Slice, receipt: Receipt): void {
    const outlets = this.entrances[index]?.outlets ?? []
    if (outlets.length > 1) receipt.hold(outlets.length - 1)
    outlets.forEach((outlet, s) => outlet.send({ records: goodOnes(slice.bySource[s] ?? []), receipt }))
  }

  /** Nothing more is taken before that. */
  private answerFailed(index: number, slice: Slice, receipt: Receipt): void {
    const { clock, context, outbox, services } = this
    this.isStuck = true
    const goOn = () => {
      this.isStuck = false
      this.send(index, slice, receipt)
      this.schedule()
    }
    const head = { input: this.inputs[index] as TaskInput, slice, receipt }
    answerHead(head, { clock, outbox, failures: services.failures, signal: context.signal }, goOn)
  }

  private pauseInput(input: Input): void {
    if (this.paused.has(input)) return
    this.paused.add(input)
    this.services.member().pause(input.at)
  }

  private onSettled(): void {
    if (this.draining && this.ledger.isDrained) {
      this.draining.resolve()
      this.draining = null
    }
    this.commitIfMuch()
    this.services.onProgress()
    this.schedule()
  }

  /* ------------------------------------------------------------------ commit */

  /** While it does not run nothing is committed: to ask again and again would be all that this process does. */
  private commitIfMuch(): void {
    if (this.isRunning && this.uncommittedBytes >= this.services.dirtyBytes) this.services.requestCommit(this)
  }

  /** State and outputs; what a commit under way has taken along counts until it has ended. */
  private get uncommittedBytes(): number {
    return this.stores.dirtyBytes + this.outbox.stagedBytes
  }

  get isCommitting(): boolean {
    return this.commitsOpen > 0
  }
  frontiers(): readonly PartitionOffset[] {
    return this.inputs.map(({ input }) => ({ ...input.at, offset: input.frontier.offset }))
  }

  /** One at a time; nothing, when nothing has happened since the last. */
  commit(): Promise<void> {
    this.commitsOpen++
    const next = this.committing
      .catch(() => undefined)
      .then(() => this.commitNow())
      .finally(() => this.commitsOpen--)
    this.committing = next
    // What was done meanwhile may be too much already; after a failure the next interval tries again.
    const committed = () => {
      this.hasFailedToCommit = false
      this.onSettled()
    }
    next.then(committed).catch(() => (this.hasFailedToCommit = true))
    return next
  }

  private async commitNow(): Promise<void> {
    if (!this.isRunning || !this.hasNews()) return
    try {
      const offsets = await this.commits.commit(this)
      this.committedAt = offsets.map(({ offset }) => offset)
      this.services.counters.commits++
      this.services.onProgress()
    } finally {
      this.resumeIntake()
    }
  }

  private hasNews(): boolean {
    return !this.ledger.isDrained || !this.isCommitted
  }

  committedOffsets(): readonly PartitionOffset[] {
    return this.inputs.map(({ input }, i) => ({ ...input.at, offset: this.committedAt[i] ?? 0 }))
  }

  /** All that was answered for is in the last commit. */
  get isCommitted(): boolean {
    return (
      this.inputs.every(({ input }, i) => input.frontier.offset === this.committedAt[i]) &&
      this.stores.all.every(({ overlay }) => overlay.dirtyCount === 0 && !overlay.hasMovedOn)
    )
  }

  async drain(): Promise<void> {
    this.context.hasCommitWaiting = true
    this.context.flush()
    this.outbox.flush()
    // The last that is answered for may be followed by what has waited for it.
    while (!this.ledger.isDrained) await new Promise<void>((resolve, reject) => (this.draining = { resolve, reject }))
  }

  resumeIntake(): void {
    this.context.hasCommitWaiting = false
    this.schedule()
  }

  /* --------------------------------------------------------------- movement */

  /** What was fetched and not taken is dropped; the next `restart` reads it again. */
  suspend(): void {
    this.isRunning = false
    this.idleness.stop()
  }

  /** Goes on in a new generation, where it stood: nothing was lost and nobody else had it. */
  restart(): void {
    for (const { input } of this.inputs) input.forget()
    this.patience.startOver()
    this.isRunning = true
    this.idleness.start()
    for (const { input } of this.inputs) if (!input.isFinished) this.startReading(input)
    this.onSettled()
  }

  reads(topic: string): boolean {
    return this.inputs.some(({ input }) => input.at.topic === topic)
  }

  /** The position was not in the log: goes on from another, which the policy has chosen. */
  seek(topic: string, offset: number): void {
    for (const { input } of this.inputs) {
      if (input.at.topic !== topic) continue
      input.seek(offset)
      this.startReading(input)
    }
  }

  get isClosed(): boolean {
    return this.context.signal.aborted
  }

  /** Commits nothing. */
  close(): void {
    this.isRunning = false
    this.idleness.stop()
    this.patience.startOver()
    this.draining?.reject(new MillraceError('MR_FENCED', `task ${this.id} was taken away while it was drained`))
    this.context.abort()
    try {
      this.stores.close()
    } catch (thrown) {
      // Nothing committed is lost: the next start looks closely at the file, or rebuilds it.
      this.services.logger.warn({ task: this.id, error: toError(thrown).message }, 'the state file was not closed cleanly')
    }
  }
}

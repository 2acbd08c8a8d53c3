import { sleep, type Clock } from '../core/clock.js'
import { isMillraceError, MillraceError, toError, type ErrorCode } from '../core/errors.js'
import type { Plan } from '../topology/plan.js'
import type { Chunk, GroupListener, HeldTask, Member, PartitionOffset, TopicPartition } from '../transport/port.js'
import type { Logger } from './logger.js'
import type { TaskPlan } from './open-task.js'
import type { Task } from './task.js'

export interface AssignmentOptions {
  readonly plan: Plan
  readonly clock: Clock
  readonly logger: Logger
  readonly open: (plan: TaskPlan, member: Member, isVoid: () => boolean) => Promise<{ readonly task: Task; readonly run: () => void }>
  readonly onState: (state: 'rebalancing' | 'restoring' | 'running') => void
  readonly onRebalance: () => void
  readonly onOutOfRange: (at: PartitionOffset, member: Member) => Promise<number>
  readonly fail: (error: Error) => void
}

/** Tasks opened at a time: each reads its changelogs, and the pages of its file. */
const openAtOnce = 4

/** A task that the log keeps from being opened is tried again, after a pause that grows. */
const openAgainMs = { first: 200, most: 5000 }
const waitsForLog = new Set<ErrorCode>(['MR_BROKER_UNREACHABLE', 'MR_TIMEOUT'])

/** Which tasks this member has: opened, handed on and closed as the group says. */
export class Assignment implements GroupListener {
  private readonly tasks = new Map<string, Task>()
  private current: Member | null = null
  /** What the group has given this member, until it takes it back. */
  private given: { readonly member: Member; readonly partitions: readonly TopicPartition[] } | null = null
  /** Grows with everything that makes an opening in progress void. */
  private epoch = 0
  private opening: Promise<void> = Promise.resolve()
  private isDown = false

  constructor(private readonly options: AssignmentOptions) {}

  get running(): readonly Task[] {
    return [...this.tasks.values()]
  }
  get member(): Member {
    if (this.current === null) throw new MillraceError('MR_FENCED', 'the app is not a member of its group')
    return this.current
  }
  task(id: string): Task | undefined {
    return this.tasks.get(id)
  }

  /* ---------------------------------------------------------- group listener */

  async revoke(deadlineMs: number): Promise<void> {
    this.epoch++
    this.given = null
    this.options.onState('rebalancing')
    const committed = new Set<Task>()
    await withDeadline(this.options.clock, deadlineMs, this.commitEach(committed))
    for (const task of this.running) {
      task.suspend()
      // Past the deadline, or fenced: what it has not committed is void, and is read again by whoever has it next.
      if (!committed.has(task)) this.close(task)
    }
  }

  private async commitEach(committed: Set<Task>): Promise<void> {
    await this.opening
    const commitOne = async (task: Task) => {
      try {
        await task.commit()
        committed.add(task)
      } catch (error) {
        this.options.logger.warn({ task: task.id, error: toError(error).message }, 'not committed before the rebalance')
      }
    }
    await Promise.all(this.running.map(commitOne))
  }

  assigned(member: Member, partitions: readonly TopicPartition[]): void {
    const epoch = ++this.epoch
    this.closeWhatOthersHad(member, partitions)
    this.current = member
    this.given = { member, partitions }
    this.options.onRebalance()
    this.then(() => this.take(member, partitions, epoch))
  }

  /** At once, for what is to be opened waits in line. A generation that was missed may have given a task to somebody else. */
  private closeWhatOthersHad({ generation }: Member, partitions: readonly TopicPartition[]): void {
    const isNext = this.current !== null && generation <= this.current.generation + 1
    const kept = isNext ? this.plansFor(partitions) : new Map<string, TaskPlan>()
    for (const task of this.running) if (!kept.has(task.id)) this.close(task)
  }

  lost(): void {
    this.epoch++
    this.given = null
    this.options.onState('rebalancing')
    for (const task of this.running) this.close(task)
  }

  chunk(chunk: Chunk): void {
    for (const task of this.tasks.values()) if (task.partition === chunk.partition && task.reads(chunk.topic)) return task.take(chunk)
  }

  outOfRange(at: PartitionOffset): void {
    const { current } = this
    if (current === null) return
    this.options.onOutOfRange(at, current).then(
      (offset) => {
        for (const task of this.tasks.values()) if (task.partition === at.partition && task.reads(at.topic)) task.seek(at.topic, offset)
      },
      (error: unknown) => this.options.fail(toError(error)),
    )
  }

  failed(error: MillraceError): void {
    this.options.fail(error)
  }

  /* ------------------------------------------------------------------- tasks */

  /** Tasks of the plan, for the assignor: those this node has state of. */
  held(taskIds: readonly string[]): readonly HeldTask[] {
    const { subTopologies } = this.options.plan
    return taskIds.flatMap((id) => {
      const set = subTopologies.findIndex(({ name }) => id.startsWith(`${name}-`) && /^\d+$/.test(id.slice(name.length + 1)))
      return set === -1 ? [] : [{ set, partition: Number(id.slice((subTopologies[set]?.name.length ?? 0) + 1)) }]
    })
  }

  /** Closes tasks and opens them again as the log knows them: what they have done since their last commit did not count. */
  reopen(tasks: readonly { readonly id: string }[]): void {
    for (const task of this.running) if (tasks.includes(task)) this.close(task)
    const { given, epoch } = this
    if (given) this.then(() => this.open(given.member, this.plansFor(given.partitions), epoch))
  }

  private then(work: () => Promise<void>): void {
    this.opening = this.opening.then(work).catch((error: unknown) => this.options.fail(toError(error)))
  }

  /** Resolves when what is being opened or handed on has settled. */
  async settle(): Promise<void> {
    for (let seen = null as Promise<void> | null; seen !== this.opening;) await (seen = this.opening)
  }

  closeAll(): void {
    this.isDown = true
    this.epoch++
    for (const task of this.running) this.close(task)
  }

  private async take(member: Member, partitions: readonly TopicPartition[], epoch: number): Promise<void> {
    if (this.epoch !== epoch || this.isDown) return
    const wanted = this.plansFor(partitions)
    for (const task of this.running) task.restart()
    await this.open(member, wanted, epoch)
  }

  /** Those that are not open. */
  private async open(member: Member, wanted: ReadonlyMap<string, TaskPlan>, epoch: number): Promise<void> {
    const isVoid = () => this.epoch !== epoch || this.isDown
    if (isVoid()) return
    const added = [...wanted.values()].filter(({ id }) => !this.tasks.has(id))
    if (added.length > 0) this.options.onState('restoring')
    const starts: (() => void)[] = []
    const openOne = async (plan: TaskPlan): Promise<void> => {
      const opened = await this.openPatiently(plan, member, isVoid)
      if (isVoid()) return opened.task.close()
      this.tasks.set(plan.id, opened.task)
      starts.push(opened.run)
    }
    await inParallel(added, openAtOnce, async (plan) => {
      if (isVoid()) return
      await openOne(plan).catch((error: unknown) => {
        // Overtaken by the next assignment: the task is opened anew, by us or by another.
        if (!isVoid() && !isMillraceError(error, 'MR_FENCED')) throw error
      })
    })
    if (isVoid()) return
    for (const start of starts) start()
    this.options.onState('running')
  }

  /** A broker that is away keeps a task from being opened; it is opened when it is back. */
  private async openPatiently(plan: TaskPlan, member: Member, isVoid: () => boolean): ReturnType<AssignmentOptions['open']> {
    const { open, logger, clock } = this.options
    for (let delayMs = openAgainMs.first; ; delayMs = Math.min(delayMs * 2, openAgainMs.most)) {
      try {
        return await open(plan, member, isVoid)
      } catch (thrown) {
        if (isVoid() || !isMillraceError(thrown) || !waitsForLog.has(thrown.code)) throw thrown
        logger.warn({ task: plan.id, code: thrown.code, error: thrown.summary }, 'the task is not open yet; tried again')
        await sleep(clock, delayMs)
      }
    }
  }

  private plansFor(partitions: readonly TopicPartition[]): ReadonlyMap<string, TaskPlan> {
    const plans = new Map<string, TaskPlan>()
    for (const { topic, partition } of partitions) {
      const sub = this.options.plan.subTopologies.find(({ inputs }) => inputs.some((input) => input.topic === topic))
      if (sub === undefined) continue
      const id = `${sub.name}-${partition}`
      plans.set(id, { id, sub, partition })
    }
    return plans
  }

  private close(task: Task): void {
    this.tasks.delete(task.id)
    task.close()
  }
}

const inParallel = async <A>(items: readonly A[], atOnce: number, work: (item: A) => Promise<void>): Promise<void> => {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}

const withDeadline = async (clock: Clock, deadlineMs: number, work: Promise<unknown>): Promise<void> => {
  let cancel: () => void = () => undefined
  const deadline = new Promise<void>((resolve) => {
    const timer = clock.after(deadlineMs, resolve, { background: true })
    cancel = () => timer.cancel()
  })
  await Promise.race([work, deadline]).finally(cancel)
}

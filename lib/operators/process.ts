import type { Codec } from '../core/codec.js'
import { noHeaders } from '../core/headers.js'
import { MillraceError } from '../core/errors.js'
import { Rec, type RawRecord } from '../core/record.js'
import type { AnyRec, Emit, KeyedStore, StoreSpec, TaskContext } from '../topology/operator.js'
import { contextOf, checkedTime, emitted, type AnyProcessor, type EmitOptions, type TimerOptions } from './process-context.js'
import { ProcessorState } from './process-state.js'
import { settled } from './per-record.js'
import { failAside } from './set-aside.js'
import { Timers, timersSpec, type PendingTimer, type TimerClock, type TimerKey } from './timers.js'
import { Undo } from './undo.js'

/* eslint-disable @typescript-eslint/no-explicit-any -- the plan erases record types */
export interface ProcessSpec {
  readonly processor: AnyProcessor
  readonly keys: Codec<any>
  /** By the name the processor knows it by. */
  readonly stores: ReadonlyMap<string, StoreSpec<any, any>>
  readonly timers: StoreSpec<TimerKey, number>
}
/* eslint-enable @typescript-eslint/no-explicit-any */

export const timersOf = (processor: string): StoreSpec<TimerKey, number> => timersSpec(`${processor}-timers`)

/** What a lambda of the processor works on: the record, or the timer as a record without a value. */
interface Work {
  readonly record: AnyRec
  readonly key: Buffer
  readonly emit: Emit
  /** Null: a record. */
  readonly timer: PendingTimer | null
}

/** Timers that set one another, each due at once, for one record: two seconds or so of work, a day's jump of a timer of every second. */
const mostChained = 100_000

/**
 * A processor at work in one task. Whatever a call of it has written, timers too, is taken back when it throws. The record
 * moves stream time first; then the event timers fire that it makes due, then it is taken, then those that it has set due.
 */
export class Processing {
  readonly timers: Timers
  private readonly stores: ReadonlyMap<string, ProcessorState>
  private readonly times: KeyedStore<TimerKey, number>
  private readonly undo = new Undo()
  /** Times that a timer has failed, while it stays. */
  private readonly attempts = new WeakMap<PendingTimer, number>()
  private work: Work | null = null
  streamTime: number
  /** Timers up to there are fired now. */
  private until = -1
  /** What the policy has said of the timer that failed last; null: the app is failing. */
  retryAfterMs: number | null = null

  constructor(
    private readonly task: TaskContext,
    private readonly spec: ProcessSpec,
  ) {
    this.times = task.store(spec.timers)
    this.timers = new Timers(this.times)
    this.streamTime = this.times.streamTime
    this.stores = new Map([...spec.stores].map(([name, store]) => [name, new ProcessorState(task, store, this.undo, this)]))
  }

  /** A throw leaves nothing behind, but what the emitter has been given. */
  take(record: AnyRec, emit: Emit): void {
    const { processor, keys } = this.spec
    const key = record.key === null || record.key === undefined ? null : keys.encode(record.key)
    if (key === null) return this.task.dropped(processor.name, 'null-key')
    if (record.value === null || record.value === undefined) return this.task.dropped(processor.name, 'null-value')
    this.whole(() => {
      this.streamTime = Math.max(this.times.streamTime, record.timestamp)
      this.fire('event', this.streamTime, record.origin, emit)
      this.call({ record, key: Buffer.from(key), emit, timer: null }, () => processor.onRecord(record.value, record, this.context))
      this.fire('event', this.streamTime, record.origin, emit)
    })
    this.times.advanceTo(record.timestamp)
    for (const store of this.stores.values()) store.expire(this.streamTime)
  }

  /** The wall timers that are due. */
  fireWall(now: number, emit: Emit): void {
    const { partition } = this.task
    const origin = { topic: '', partition, offset: -1, timestamp: now, key: null, value: null, headers: noHeaders }
    this.whole(() => this.fire('wall', now, origin, emit))
  }

  private whole(work: () => void): void {
    try {
      work()
      this.undo.forget()
    } catch (error) {
      this.undo.backTo(0)
      this.streamTime = this.times.streamTime
      throw error
    }
  }

  /** In order of (time, key, name), also those that are set meanwhile. */
  private fire(clock: TimerClock, until: number, origin: RawRecord, emit: Emit): void {
    this.until = until
    for (let timer = this.timers.next(clock); timer !== undefined && timer.at <= until; timer = this.timers.next(clock)) {
      const given: AnyRec[] = []
      const mark = this.undo.mark
      const record = new Rec(this.spec.keys.decode(timer.key), null, timer.at, noHeaders, origin)
      try {
        this.timers.cancel(timer, this.undo)
        this.call({ record, key: timer.key, emit: (one) => void given.push(one), timer }, () => this.onTimer(record.key, timer))
      } catch (error) {
        this.undo.backTo(mark)
        this.answer(timer, error, origin)
        continue
      }
      for (const one of given) emit(one)
    }
  }

  private onTimer(key: unknown, { name, at, clock }: PendingTimer): void {
    return this.spec.processor.onTimer?.(key, Object.freeze({ name, at, clock }), this.context)
  }

  /** What a timer throws is put to the policy by itself; unless it is to be tried again, the timer is gone. */
  private answer(timer: PendingTimer, error: unknown, origin: RawRecord): void {
    const attempt = (this.attempts.get(timer) ?? 0) + 1
    this.attempts.set(timer, attempt)
    const operator = `${this.spec.processor.name}: timer ${timer.name}`
    const verdict = failAside(this.task, { operator, error, attempt, key: timer.key, value: null, timestamp: timer.at, at: origin })
    this.retryAfterMs = verdict._tag === 'retry' ? verdict.afterMs : null
    if (verdict._tag !== 'drop') throw error
    this.timers.cancel(timer, this.undo)
  }

  private call(work: Work, lambda: () => void): void {
    this.work = work
    try {
      settled(lambda(), this.spec.processor.name)
    } finally {
      this.work = null
    }
  }

  /* ----------------------------------------------------------------- context */

  private get now(): Work {
    if (this.work !== null) return this.work
    throw new MillraceError('MR_CONFIG', `the context of processor ${this.spec.processor.name} was used after its call had returned`)
  }

  /** As `ProcessorContext` of the surface. */
  private readonly context = contextOf(this, () => this.task.clock.now())

  get time(): number {
    return this.now.record.timestamp
  }

  get timeBefore(): number {
    return this.times.streamTime
  }

  get timerAt(): number | null {
    const { timer } = this.now
    return timer?.clock === 'event' ? timer.at : null
  }

  storeOf(name: string) {
    const store = this.stores.get(name)
    if (store === undefined) throw new MillraceError('MR_CONFIG', `processor ${this.spec.processor.name} has declared no store ${name}`)
    return Object.freeze({
      get: (key: unknown) => store.get(key),
      set: (key: unknown, value: unknown) => store.set(key, value),
      delete: (key: unknown) => store.delete(key),
      entries: (range?: { readonly from?: unknown; readonly to?: unknown }) => store.entries(range),
    })
  }

  emit(value: unknown, options: EmitOptions): void {
    const { record, emit } = this.now
    emit(emitted(this.spec.processor.name, record, value, options))
  }

  setTimer(at: number, options: TimerOptions = {}): void {
    const { processor } = this.spec
    if (processor.onTimer === undefined) throw new MillraceError('MR_CONFIG', `processor ${processor.name} sets a timer and has no onTimer`)
    const timer = { ...this.timerOf(options), at: checkedTime(at, `setTimer of processor ${processor.name}`) }
    this.timers.set({ ...timer, chained: this.chainOf(timer) }, this.undo)
  }

  /** Throws where it would not end: a failure of the timer that sets the other. */
  private chainOf(timer: PendingTimer): number {
    const by = this.now.timer
    if (by === null || by.clock !== timer.clock || timer.at > this.until) return 0
    const chained = (by.chained ?? 0) + 1
    const isSame = by.id === timer.id && by.name === timer.name
    if (!(isSame && timer.at <= by.at) && chained <= mostChained) return chained
    const what =
      isSame && timer.at <= by.at ? 'by its own call, not later than it was' : `by a timer that was due, ${mostChained} times in a row`
    throw new MillraceError('MR_TIMER_LOOP', `timer ${timer.name} of processor ${this.spec.processor.name} was set for ${timer.at} ${what}`)
  }

  cancelTimer(options: TimerOptions = {}): void {
    this.timers.cancel(this.timerOf(options), this.undo)
  }

  private timerOf({ name = 'timer', clock = 'event' }: TimerOptions): Omit<PendingTimer, 'at'> {
    const { key } = this.now
    return { name, clock, key, id: key.toString('latin1') }
  }
}

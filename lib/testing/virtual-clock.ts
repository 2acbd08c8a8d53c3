import type { Clock, Timer, TimerOptions } from '../core/clock.js'

interface Pending {
  readonly at: number
  readonly order: number
  readonly waits: boolean
  readonly run: () => void
}

/** Wall time of a test: stands still until it is moved. */
export class VirtualClock implements Clock {
  private readonly pending = new Set<Pending>()
  private order = 0

  constructor(private time: number) {}

  now(): number {
    return this.time
  }

  after(delayMs: number, f: () => void, options: TimerOptions = {}): Timer {
    const timer: Pending = { at: this.time + delayMs, order: this.order++, waits: options.waits ?? false, run: f }
    this.pending.add(timer)
    return { cancel: () => this.pending.delete(timer) }
  }

  /** Moves on by `ms`, running what is due in its order; `afterEach` lets the consequences of a timer happen before the next. */
  async advance(ms: number, afterEach: () => Promise<void>): Promise<void> {
    const target = this.time + ms
    for (let next = this.next(() => true); next && next.at <= target; next = this.next(() => true)) {
      this.run(next)
      await afterEach()
    }
    this.time = target
  }

  /** Lets the next back-off pass, if records wait for one. */
  passWait(): boolean {
    const next = this.next(({ waits }) => waits)
    if (next) this.run(next)
    return next !== null
  }

  private run(timer: Pending): void {
    this.pending.delete(timer)
    this.time = Math.max(this.time, timer.at)
    timer.run()
  }

  private next(matches: (timer: Pending) => boolean): Pending | null {
    let found: Pending | null = null
    for (const timer of this.pending) {
      if (matches(timer) && (found === null || timer.at < found.at || (timer.at === found.at && timer.order < found.order))) found = timer
    }
    return found
  }
}

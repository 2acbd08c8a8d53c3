import type { Clock, Timer } from '../core/clock.js'

interface Listener {
  readonly afterMs: number
  readonly move: (forMs: number) => void
}

const fastestMs = 10
const slowestMs = 1000

/** For how long a task has had nothing to read, for the verbs that let the wall clock close their windows. */
export class Idleness {
  private readonly listeners: Listener[] = []
  private since: number | null = null
  private timer: Timer | null = null
  private isAsking = false

  constructor(
    private readonly clock: Clock,
    /** All that has arrived is taken, all that was taken is answered for, and no more is known to be in the log. */
    private readonly isAtEnd: () => boolean,
    /** Also for what others of the group have still to write for it. */
    private readonly isFedUp: () => Promise<boolean>,
  ) {}

  add(afterMs: number, move: Listener['move']): void {
    this.listeners.push({ afterMs, move })
  }

  start(): void {
    if (this.listeners.length > 0 && this.timer === null) this.next()
  }

  /** Records have come. */
  end(): void {
    this.since = null
  }

  stop(): void {
    this.since = null
    this.timer?.cancel()
    this.timer = null
  }

  private next(): void {
    const shortest = Math.min(...this.listeners.map(({ afterMs }) => afterMs))
    const everyMs = Math.min(slowestMs, Math.max(fastestMs, shortest / 4))
    this.timer = this.clock.after(everyMs, () => void this.look(), { background: true })
  }

  private async look(): Promise<void> {
    this.next()
    if (!this.isAtEnd()) return this.end()
    this.since ??= this.clock.now()
    const { since } = this
    const isDue = ({ afterMs }: Listener): boolean => this.clock.now() - since >= afterMs
    if (this.isAsking || !this.listeners.some(isDue)) return
    this.isAsking = true
    const isQuiet = await this.isFedUp().catch(() => false)
    this.isAsking = false
    // Something may have come while we asked.
    if (this.since !== since || !this.isAtEnd()) return
    if (!isQuiet) return this.end()
    for (const listener of this.listeners) if (isDue(listener)) listener.move(this.clock.now() - since)
  }
}

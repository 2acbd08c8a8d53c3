import type { Clock, Timer } from '../core/clock.js'
import type { Input } from './input.js'

/** An input that is known to hold more, and brings nothing, is waited for this long (a leader that cannot be reached). */
const limitMs = 30_000

/** How long a task waits for an input whose records may be older than those it has. */
export class Patience {
  givenUpOn: ReadonlySet<Input> = new Set()
  private timer: Timer | null = null
  private waitedFor: readonly Input[] = []

  constructor(
    private readonly clock: Clock,
    private readonly onGivenUp: () => void,
  ) {}

  waitFor(inputs: readonly Input[]): void {
    if (this.timer) return
    this.waitedFor = inputs
    const giveUp = () => {
      this.stop()
      this.givenUpOn = new Set(inputs)
      this.onGivenUp()
    }
    this.timer = this.clock.after(limitMs, giveUp, { background: true })
  }

  /** The input has brought something. */
  heard(input: Input): void {
    if (this.givenUpOn.has(input)) this.givenUpOn = new Set()
    if (this.waitedFor.includes(input)) this.stop()
  }

  startOver(): void {
    this.stop()
    this.givenUpOn = new Set()
  }

  private stop(): void {
    this.timer?.cancel()
    this.timer = null
    this.waitedFor = []
  }
}

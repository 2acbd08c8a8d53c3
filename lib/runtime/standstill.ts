import type { Release } from '../topology/operator.js'
import type { Inlet } from './outlet.js'

/**
 * Somebody has stopped in the midst of a batch: for a retry, between the pieces of a long work, for an answer that nothing may overtake.
 * What would have come after that waits, and comes in the order in which it would have come: as if it had not taken any time.
 *
 * Verbs are called by one another, so what is still to be done when one of them stops is handed in from the inside out, as its callers
 * get no further. What the one who stopped sets off when it goes on comes before all of that, also where it stops again. Turnstiles
 * keep what waits for its turn, and are handed in themselves.
 */
export class Standstill {
  isOn = false
  private isForGood = false
  private waiting: (() => void)[] = []

  /** Of one at a time. */
  begin(): Release {
    this.isOn = true
    return (goOn) => {
      if (this.isForGood) return
      this.isOn = false
      this.move(goOn)
      for (let next = this.next(); next !== undefined; next = this.next()) this.move(next)
    }
  }

  /** For good: who stands still does not go on, and what waits does not come. */
  end(): void {
    this.isOn = this.isForGood = true
  }

  /** At once, or in its turn. */
  whenOver(move: () => void): void {
    if (this.isOn) this.waiting.push(move)
    else move()
  }

  /** A way that is open when nobody stands on it. */
  guard(inlet: Inlet): Inlet {
    return (batch) => {
      if (this.isOn) this.waiting.push(() => inlet(batch))
      else inlet(batch)
    }
  }

  private next(): (() => void) | undefined {
    return this.isOn ? undefined : this.waiting.shift()
  }

  private move(step: () => void): void {
    const others = this.waiting
    this.waiting = []
    step()
    this.waiting = this.waiting.length === 0 ? others : [...this.waiting, ...others]
  }
}

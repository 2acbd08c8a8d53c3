/** Wakes all that wait. */
export class Signal {
  private waiting: (() => void)[] = []

  readonly notify = (): void => {
    if (this.waiting.length === 0) return
    const woken = this.waiting
    this.waiting = []
    for (const wake of woken) wake()
  }

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve)
    })
  }
}

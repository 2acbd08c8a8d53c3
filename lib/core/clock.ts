/** The only place where wall time is read and timers are made; a test hands in another one. */
export interface Clock {
  /** Wall time, ms since the epoch. */
  now(): number
  /** Calls `f` once, `delayMs` from now. */
  after(delayMs: number, f: () => void, options?: TimerOptions): Timer
}
export interface TimerOptions {
  /** Does not keep the process alive. */
  readonly background?: boolean
  /** Records wait for it, a back-off: a virtual clock lets it pass when nothing else is left to do. */
  readonly waits?: boolean
}
export interface Timer {
  cancel(): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, f, options) => {
    const handle = setTimeout(f, delayMs)
    if (options?.background === true) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

export const sleep = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(delayMs, resolve, { waits: true })
  })

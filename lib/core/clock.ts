/** The only place where wall time is read and timers are made; a test hands in another one. */
export interface Clock {
  /** Wall time, ms since the epoch. */
  now(): number
  /** Calls `f` once, `delayMs` from now. The timer does not keep the process alive when `background` says so. */
  after(delayMs: number, f: () => void, options?: { readonly background?: boolean }): Timer
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
    clock.after(delayMs, resolve)
  })

/** Knows whether a commit is under way. What it refuses are mistakes of the caller, so it throws plain errors. */
export class CommitScope {
  private isActive = false
  private failures: readonly Error[] = []

  /** Runs `write`; throws what it throws, and what `fail` was told even if `write` has swallowed that. */
  run(write: () => void): void {
    if (this.isActive) throw new Error('commit() was called inside commit()')
    this.isActive = true
    this.failures = []
    try {
      const result: unknown = write()
      if (result instanceof Promise)
        throw new Error('commit() was given an async function; what follows its first await would not be part of it')
    } finally {
      this.isActive = false
    }
    const [failure] = this.failures
    if (failure !== undefined) throw failure
  }

  /** A write did not take place: the commit may not either. */
  fail(error: Error): never {
    this.failures = [error]
    throw error
  }

  assertActive(): void {
    if (!this.isActive) throw new Error('state is written inside commit() only')
  }

  assertIdle(what: string): void {
    if (this.isActive) throw new Error(`${what} was called inside commit()`)
  }
}

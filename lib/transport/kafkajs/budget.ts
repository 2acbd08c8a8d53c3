/** One that wants to be asked for. */
export interface Claimant {
  /** Fetched and not yet taken. */
  heldBytes: number
  /** It was left out for lack of room, until it holds no more than that. Infinity: it was not. */
  resumeAt: number
}
export interface Grant<A> {
  readonly claimants: readonly A[]
  /** Somebody was left out. */
  readonly isPartial: boolean
  readonly bytesEach: number
  readonly maxBytes: number
  /** To be given back with `answered`. */
  readonly reserved: number
}
export interface BudgetSettings {
  /** Of all that is fetched and not yet taken, over all partitions and brokers. */
  readonly bufferBytes: number
  readonly bytesPerPartition: number
  readonly maxBytes: number
}

/** However much room there is. */
const mostHeldBytes = 8 * 1024 * 1024
/** What was full is asked for again when no more than this is. */
const roomy = 0.75

/**
 * Bytes that may be fetched and not yet taken. Half of them are dealt out evenly, so that nobody who is slow can take the part of
 * the others; the other half goes to whoever has work. A broker gives the first batch of an answer even where it is larger than
 * what was asked for, so a large record gets through, and a batch for each broker may be held beyond the buffer. Where batches are
 * larger than the parts, the buffer is full before everybody has one, and they take turns.
 */
export class Budget<A extends Claimant> {
  private held = 0
  private reserved = 0
  private isFull = false

  constructor(private readonly settings: BudgetSettings) {}

  get heldBytes(): number {
    return this.held
  }

  /** What may be asked for now, of `wanted`, which are some of `count`. Null: nothing. */
  grant(wanted: readonly A[], count: number): Grant<A> | null {
    const { bufferBytes, bytesPerPartition, maxBytes } = this.settings
    this.isFull = this.held + this.reserved >= bufferBytes
    if (this.isFull) return null
    const half = Math.floor(bufferBytes / 2)
    const most = Math.min(mostHeldBytes, Math.max(Math.floor(half / 2), 1))
    const share = Math.max(1, Math.min(most, Math.floor(half / Math.max(1, count))))
    const pool = half - this.held - this.reserved
    const isRoomy = pool >= Math.min(bytesPerPartition, half / 2)
    const limit = isRoomy ? most : share
    const claimants = wanted.filter((one) => {
      const isIn = one.heldBytes <= (isRoomy && one.resumeAt === Infinity ? limit : limit / 2)
      one.resumeAt = isIn ? Infinity : limit / 2
      return isIn
    })
    if (claimants.length === 0) return null
    const isPartial = claimants.length < wanted.length
    if (isRoomy) {
      const reserved = Math.min(maxBytes, pool)
      this.reserved += reserved
      return { claimants, isPartial, bytesEach: bytesPerPartition, maxBytes: reserved, reserved }
    }
    const bytesEach = Math.min(bytesPerPartition, Math.ceil(share / 2))
    const reserved = Math.min(maxBytes, bytesEach * claimants.length, bufferBytes - this.held - this.reserved)
    this.reserved += reserved
    return { claimants, isPartial, bytesEach, maxBytes: reserved, reserved }
  }

  answered({ reserved }: Grant<A>): void {
    this.reserved -= reserved
  }

  hold(by: A, bytes: number): void {
    by.heldBytes += bytes
    this.held += bytes
  }

  /** True: somebody was left out, and need not be any more. */
  release(by: A, bytes: number): boolean {
    const gone = Math.min(bytes, by.heldBytes)
    by.heldBytes -= gone
    this.held -= gone
    const hasRoom = this.isFull && this.held + this.reserved < this.settings.bufferBytes * roomy
    if (hasRoom) this.isFull = false
    const isBelow = by.resumeAt !== Infinity && by.heldBytes <= by.resumeAt
    if (isBelow) by.resumeAt = Infinity
    return hasRoom || isBelow
  }
}

/** Where a record can fail, as `Stage` of the error policies has it. */
export type FailureStage = 'decode' | 'process' | 'produce' | 'sink'

/**
 * What goes wrong between an app and its log, and is dealt with: a connection lost or not to be had; a broker that does not answer;
 * one that asks to wait because a quota is used up; a partition whose leader is another now, or none; a group or a transaction whose
 * coordinator is; a consumer that has crashed or stalled and was made anew; a position that is not in its log.
 */
export type TroubleKind = 'connection' | 'silence' | 'throttle' | 'leader' | 'coordinator' | 'crash' | 'outOfRange'

/**
 * What has happened since the start, as plain numbers: whoever sees it happen adds to them, whoever exports them takes a snapshot.
 * None of them ever falls.
 */
export interface Counters {
  recordsIn: number
  recordsOut: number
  deadLetters: number
  commits: number
  rebalances: number
  readonly troubles: Record<TroubleKind, number>
  readonly failures: Record<FailureStage, number>
  /** Left out on purpose, never silently: late records, null keys. */
  drop(operator: string, reason: string): void
  snapshot(): CountersSnapshot
}

export interface CountersSnapshot {
  readonly recordsIn: number
  readonly recordsOut: number
  readonly deadLetters: number
  readonly commits: number
  readonly rebalances: number
  readonly troubles: Readonly<Record<TroubleKind, number>>
  readonly failures: Readonly<Record<FailureStage, number>>
  /** In the order in which they first occurred. */
  readonly dropped: readonly DroppedCount[]
}
export interface DroppedCount {
  readonly operator: string
  readonly reason: string
  readonly count: number
}

export const createCounters = (): Counters => {
  const dropped = new Map<string, Map<string, number>>()
  return {
    recordsIn: 0,
    recordsOut: 0,
    deadLetters: 0,
    commits: 0,
    rebalances: 0,
    troubles: { connection: 0, silence: 0, throttle: 0, leader: 0, coordinator: 0, crash: 0, outOfRange: 0 },
    failures: { decode: 0, process: 0, produce: 0, sink: 0 },
    drop(operator, reason) {
      let reasons = dropped.get(operator)
      if (!reasons) dropped.set(operator, (reasons = new Map()))
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    },
    snapshot() {
      const { recordsIn, recordsOut, deadLetters, commits, rebalances } = this
      return {
        recordsIn,
        recordsOut,
        deadLetters,
        commits,
        rebalances,
        troubles: { ...this.troubles },
        failures: { ...this.failures },
        dropped: [...dropped].flatMap(([operator, reasons]) => [...reasons].map(([reason, count]) => ({ operator, reason, count }))),
      }
    },
  }
}

import type { Duration } from '../core/duration.js'
import type { KRecord } from '../core/record.js'

/**
 * Where a record failed.
 * @since 0.1.0
 */
export type Stage = 'decode' | 'process' | 'produce' | 'sink'

/**
 * A record that could not be taken, as data for an error policy.
 * @since 0.1.0
 */
export interface Failure {
  readonly stage: Stage
  readonly operator: string
  readonly error: Error
  /** As the task read it (behind a repartition: from that topic). */
  readonly record: KRecord<Uint8Array | null, Uint8Array | null> | null
  /** 1 the first time. */
  readonly attempt: number
}

/**
 * What happens to a record that failed: a value, made by `policy`.
 * @since 0.1.0
 */
export type ErrorPolicy =
  | { readonly _tag: 'Fail' }
  | { readonly _tag: 'Skip' }
  | { readonly _tag: 'DeadLetter'; readonly topic: string | null; readonly consecutive: number }
  | { readonly _tag: 'Retry'; readonly times: number; readonly backoffMs: number; readonly then: ErrorPolicy }
  | { readonly _tag: 'When'; readonly test: (failure: Failure) => boolean; readonly then: ErrorPolicy; readonly otherwise: ErrorPolicy }

export type PolicyDuration = Duration

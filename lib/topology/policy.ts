import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import type { KRecord } from '../core/record.js'
import { checkName } from './names.js'

/**
 * Where a record failed: its bytes did not fit, a lambda threw, the broker refused it, a sink rejected it.
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
  | {
      readonly _tag: 'When'
      /** Which of the two policies a failure goes to. */
      readonly test: (failure: Failure) => boolean
      readonly then: ErrorPolicy
      readonly otherwise: ErrorPolicy
    }

const count = (n: number, least: number, what: string): number => {
  if (Number.isInteger(n) && n >= least) return n
  throw new MillraceError('MR_CONFIG', `${what} is ${String(n)}, not a whole number from ${least} on`)
}

/**
 * Error policies, for `createApp({ onError })` and for the `onError` of a source, which comes before that of the app.
 *
 * **Throws** `MR_NAME_INVALID`, `MR_CONFIG`, `MR_DURATION` when made of something odd; while running, `MR_TOO_MANY_DEAD_LETTERS`.
 * **Source** Kafka Streams' exception handlers (KIP-161, KIP-210, KIP-1033), dead letters KIP-1034.
 *
 * @example
 * createApp({ id: 'enrich', onError: policy.when((failure) => failure.stage === 'decode', policy.deadLetter(), policy.fail) })
 * @since 0.1.0
 */
export const policy: {
  /** The app stops with the error; nothing is committed past the record. The default. */
  readonly fail: ErrorPolicy
  /** The record is left out, and counted. */
  readonly skip: ErrorPolicy
  /**
   * The record as it was read goes to `topic` (default `<app id>-dead`), with headers that say what happened.
   * Past `consecutive` in a row on a partition (default 1,000) the app fails instead: a bad deploy must not drain the input.
   */
  deadLetter(topic?: string, limit?: { readonly consecutive?: number | undefined }): ErrorPolicy
  /**
   * `times` after the first attempt, `backoff` apart (default '100ms'), in place: what comes after it waits, in the whole task, or in
   * `mapAsync`, `each` and `toSink` where it is theirs. A record that the broker has refused is sent again behind those that were sent
   * after it. What still fails goes to `then`.
   */
  retry(options: { readonly times: number; readonly backoff?: Duration | undefined }, then: ErrorPolicy): ErrorPolicy
  /** One policy for the failures that pass `test`, another for the others. */
  when(test: (failure: Failure) => boolean, then: ErrorPolicy, otherwise: ErrorPolicy): ErrorPolicy
} = Object.freeze({
  fail: Object.freeze({ _tag: 'Fail' as const }),
  skip: Object.freeze({ _tag: 'Skip' as const }),
  deadLetter: (topic?: string, limit?: { readonly consecutive?: number | undefined }): ErrorPolicy =>
    Object.freeze({
      _tag: 'DeadLetter' as const,
      topic: topic === undefined ? null : checkName(topic, 'the topic of policy.deadLetter'),
      consecutive: count(limit?.consecutive ?? 1000, 1, 'policy.deadLetter: consecutive'),
    }),
  retry: (options: { readonly times: number; readonly backoff?: Duration | undefined }, then: ErrorPolicy): ErrorPolicy =>
    Object.freeze({
      _tag: 'Retry' as const,
      times: count(options.times, 0, 'policy.retry: times'),
      backoffMs: durationMs(options.backoff ?? '100ms', 'policy.retry: backoff'),
      then,
    }),
  when: (test: (failure: Failure) => boolean, then: ErrorPolicy, otherwise: ErrorPolicy): ErrorPolicy =>
    Object.freeze({ _tag: 'When' as const, test, then, otherwise }),
})

/** The dead-letter topics a policy may write to; null stands for the app's default. */
export const deadLettersOf = (of: ErrorPolicy): readonly (string | null)[] => {
  switch (of._tag) {
    case 'Fail':
    case 'Skip':
      return []
    case 'DeadLetter':
      return [of.topic]
    case 'Retry':
      return deadLettersOf(of.then)
    case 'When':
      return [...deadLettersOf(of.then), ...deadLettersOf(of.otherwise)]
    default:
      return of satisfies never
  }
}

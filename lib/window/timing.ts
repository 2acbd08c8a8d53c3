import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'

/**
 * When a window closes, and what is told of it.
 * @since 0.1.0
 */
export interface WindowOptions {
  /** How long after its end a window still takes records, in event time. Default 0. **Source** Kafka Streams' grace period. */
  readonly grace?: Duration | undefined
  /**
   * `'updates'` (default): a result per change. `'final'`: one result per window, when it closes. `{ every }`: the newest result at
   * most once per that much stream time, and the last one when the window closes. **Source** Kafka Streams' `EmitStrategy`.
   */
  readonly emit?: 'updates' | 'final' | { readonly every: Duration } | undefined
  /**
   * After this long without input, at the end of all partitions of the task, the wall clock moves stream time on, so that windows
   * of a quiet topic close; what comes afterwards and is older is late. Default: never.
   */
  readonly closeAfterIdle?: Duration | undefined
  /** Live windows per task; a record that needs more is a failure of that record. Default: no limit. */
  readonly maxOpen?: number | undefined
}

export type Emission = { readonly _tag: 'updates' } | { readonly _tag: 'final' } | { readonly _tag: 'every'; readonly ms: number }

/** `WindowOptions`, checked, in ms. */
export interface Timing {
  readonly graceMs: number
  readonly emission: Emission
  readonly closeAfterIdleMs: number | null
  readonly maxOpen: number
}

export const timingOf = (options: WindowOptions = {}): Timing => ({
  graceMs: durationMs(options.grace ?? 0, 'the grace of a window'),
  emission: emissionOf(options.emit ?? 'updates'),
  closeAfterIdleMs: options.closeAfterIdle === undefined ? null : durationMs(options.closeAfterIdle, 'closeAfterIdle of a window'),
  maxOpen: maxOpenOf(options.maxOpen ?? Infinity),
})

const emissionOf = (emit: NonNullable<WindowOptions['emit']>): Emission => {
  if (emit === 'updates' || emit === 'final') return { _tag: emit }
  if (typeof emit === 'object') return { _tag: 'every', ms: positive(emit.every, 'emit.every of a window') }
  throw new MillraceError('MR_CONFIG', `emit of a window is ${JSON.stringify(emit)}, not 'updates', 'final' or { every }`)
}

const maxOpenOf = (maxOpen: number): number => {
  if (maxOpen === Infinity || (Number.isInteger(maxOpen) && maxOpen > 0)) return maxOpen
  throw new MillraceError('MR_CONFIG', `maxOpen of a window is ${String(maxOpen)}, not a whole number above 0`)
}

/** A duration in whole ms above 0. */
export const positive = (duration: Duration, what: string): number => {
  const ms = durationMs(duration, what)
  if (Number.isInteger(ms) && ms > 0) return ms
  throw new MillraceError('MR_DURATION', `${what} is ${String(duration)}, which is not a whole number of ms above 0`)
}

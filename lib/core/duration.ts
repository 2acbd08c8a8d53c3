import { MillraceError } from './errors.js'

/**
 * A length of time: milliseconds, or a literal such as '250ms', '30s', '5m', '1h', '7d'. A day is 24 hours.
 * @since 0.1.0
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const shape = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/** In ms. Throws `MR_DURATION` on anything negative, not finite or misspelt; `what` names the option in the message. */
export const durationMs = (duration: Duration, what: string): number => {
  const match = typeof duration === 'string' ? shape.exec(duration) : null
  const ms = typeof duration === 'number' ? duration : match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : NaN
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new MillraceError('MR_DURATION', `${what} is ${JSON.stringify(duration)}, which is not a duration`)
}

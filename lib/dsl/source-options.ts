import { durationMs } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import type { SourceOptions, StreamOptions } from '../topology/node.js'

/** Defaults filled in, times as numbers: two uses of a topic can be compared. */
export const sourceOptions = (topic: string, options: StreamOptions = {}): SourceOptions => {
  const { from = 'earliest', until = 'never', onOutOfRange = 'fail', maxAhead = '1d', onError = null } = options
  return Object.freeze({
    from: typeof from === 'string' ? oneOf(from, ['earliest', 'latest'], `${topic}: from`) : timeOf(from.at, `${topic}: from`),
    until: typeof until === 'string' ? oneOf(until, ['now', 'never'], `${topic}: until`) : timeOf(until.at, `${topic}: until`),
    onOutOfRange: oneOf(onOutOfRange, ['fail', 'earliest', 'latest'], `${topic}: onOutOfRange`),
    maxAheadMs: durationMs(maxAhead, `${topic}: maxAhead`),
    onError,
  })
}

const timeOf = (at: number | Date, what: string): { readonly time: number } => {
  const time = Number(at)
  if (Number.isFinite(time) && time >= 0) return Object.freeze({ time })
  throw new MillraceError('MR_CONFIG', `${what} is ${String(at)}, which is no time`)
}

const oneOf = <A extends string>(given: A, allowed: readonly A[], what: string): A => {
  if (allowed.includes(given)) return given
  throw new MillraceError('MR_CONFIG', `${what} is ${JSON.stringify(given)}, not one of ${allowed.join(', ')}`)
}

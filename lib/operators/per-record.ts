import { MillraceError } from '../core/errors.js'
import type { PerRecord, Step } from '../topology/operator.js'

/** A stateless verb: it states its idea and nothing else; loop, guard and receipt belong to the kernel. */
export const perRecord = (label: string, step: Step): PerRecord => ({ kind: 'per-record', label, writes: false, open: () => step })

/** A promise where none is taken would be dropped unawaited, and its record with it. */
export const settled = <A>(result: A, verb: string): A => {
  if (typeof result === 'object' && result !== null && typeof (result as { then?: unknown }).then === 'function') {
    // Its rejection, if it comes to that, has been answered for by the failure thrown here.
    void Promise.resolve(result).catch(() => undefined)
    throw new MillraceError('MR_PROMISE_IN_SYNC_VERB', `the function given to ${verb} returned a promise`)
  }
  return result
}

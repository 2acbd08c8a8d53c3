import type { Clock } from '../../core/clock.js'

/** What `promise` gives, or 'late' when that takes more than `limitMs`; a rejection after that is nobody's. */
export const within = async <A>(clock: Clock, limitMs: number, promise: Promise<A>): Promise<A | 'late'> => {
  promise.catch(() => undefined)
  let ring: (late: 'late') => void = () => undefined
  const late = new Promise<'late'>((resolve) => (ring = resolve))
  const timer = clock.after(limitMs, () => ring('late'))
  try {
    return await Promise.race([promise, late])
  } finally {
    timer.cancel()
  }
}

import type { Clock } from '../core/clock.js'
import type { RestoreProgress } from '../dsl/surface.js'

interface Step {
  readonly task: string
  readonly store: string
  readonly records: number
  readonly total: number
}

/** Adds the rate, and from it the time that is left. */
export const restoreProgress = (clock: Clock, report: (progress: RestoreProgress) => void): ((step: Step) => void) => {
  const startedAt = new Map<string, number>()
  return (step) => {
    const key = `${step.task}/${step.store}`
    const start = startedAt.get(key) ?? clock.now()
    startedAt.set(key, start)
    const seconds = (clock.now() - start) / 1000
    const recordsPerSecond = seconds > 0 ? Math.round(step.records / seconds) : 0
    report({
      ...step,
      recordsPerSecond,
      etaMs: recordsPerSecond > 0 ? Math.round(((step.total - step.records) / recordsPerSecond) * 1000) : null,
    })
  }
}

import fc from 'fast-check'
import { historyOf } from './history.js'
import type { AnyLaw } from './law.js'
import { play } from './play.js'

export interface Checking {
  readonly histories: number
  readonly seed: number
  /** Where a run that failed was found: repeats it alone. */
  readonly path?: string | undefined
}

/** Null when all histories agree with the reference; else what differs, and the smallest history found, ready to be pinned. */
export const failureOf = async (law: AnyLaw, { histories, seed, path }: Checking): Promise<string | null> => {
  const details = await fc.check(
    fc.asyncProperty(historyOf(law), (history) => play(law, history)),
    { numRuns: histories, seed, ...(path !== undefined && { path }) },
  )
  if (!details.failed) return null
  const [history] = details.counterexample ?? []
  const error = details.errorInstance instanceof Error ? details.errorInstance.message : String(details.errorInstance)
  const again = `npm run laws -- --only '${law.name}' --seed ${details.seed} --path ${details.counterexamplePath ?? ''}`
  return `${law.name}: ${error}\nagain: ${again}\npin: ${JSON.stringify(history)}`
}

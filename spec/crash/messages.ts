import type { Mode, Step } from './steps.js'

/** How the worker is started: one argument, as JSON. */
export interface WorkerOptions {
  readonly id: string
  readonly stateDir: string
  readonly brokers: readonly string[]
  readonly mode: Mode
}

export const sessionTimeoutMs = 2000

/** From the siege to a worker. */
export type Order = { readonly dieAt: Step }

/** From a worker to the siege. */
export type Report = { readonly isRunning: true } | { readonly rss: number }

export const inputOf = (id: string): string => `${id}-in`
/** Input as it came; one count per key; one count per group, beyond a repartition topic. */
export const outputsOf = (id: string) => ({ passed: `${id}-passed`, counts: `${id}-counts`, groups: `${id}-groups` })
export const partitions = 4
/** Key `k-17` belongs to group `g-3`. */
export const groupOf = (key: string): string => `g-${Number(key.slice(2)) % 7}`

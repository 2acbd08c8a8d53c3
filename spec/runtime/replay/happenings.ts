import type { App } from 'millrace'
import type { Log } from '../../../lib/transport/embedded/log.js'
import { random } from './plan.js'
import { turns, Workers } from './workers.js'

export type Happening = 'restart' | 'kill' | 'lose' | 'join' | 'leave' | 'pass'
export interface Run {
  readonly delivery: 'at-least-once' | 'exactly-once'
  readonly fetchBytes: number
  readonly atOnce: number
  /** Null: nothing happens. */
  readonly seed: number | null
  readonly happenings: readonly Happening[]
}

const happen = async (workers: Workers, what: Happening): Promise<void> => {
  switch (what) {
    case 'restart':
      return workers.start(await workers.stop())
    case 'kill':
      return workers.start(workers.kill())
    case 'lose': {
      const disk = workers.kill()
      workers.lose(disk)
      return workers.start(disk)
    }
    case 'join':
      return workers.count < 3 ? workers.start() : undefined
    case 'leave':
      return workers.count > 1 ? void (await workers.stop()) : undefined
    case 'pass':
      return workers.pass(1000)
  }
}

export const replay = async (
  define: (app: App) => void,
  log: Log,
  { delivery, fetchBytes, seed, happenings }: Omit<Run, 'atOnce'>,
): Promise<void> => {
  // Little may be uncommitted, so that commits come in the midst of it all.
  await using workers = new Workers(log, define, { delivery, fetchBytes, dirtyBytes: 4096 })
  await workers.start()
  const next = random(seed ?? 0)
  for (let i = 0; i < (seed === null ? 0 : 12); i++) {
    await turns(next(6))
    await happen(workers, happenings[next(happenings.length)] ?? 'pass')
  }
  await workers.settled()
}

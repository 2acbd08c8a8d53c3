import type { Clock } from '../core/clock.js'
import type { Counters, TroubleKind } from '../core/telemetry.js'
import type { Trouble } from '../transport/port.js'
import type { Logger } from './logger.js'

/** A broker that is down is tried every second, by each of the connections of an app. */
const quietMs = 10_000

/** Trouble with the log that is dealt with: each is counted, and one of a kind in 10 s is a line in the log, with how many were like it. */
export class Troubles {
  private readonly lastOf = new Map<TroubleKind, { at: number; unsaid: number }>()

  constructor(
    private readonly counters: Counters,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  readonly hear = ({ kind, error }: Trouble): void => {
    this.counters.troubles[kind]++
    const now = this.clock.now()
    const last = this.lastOf.get(kind)
    if (last !== undefined && now - last.at < quietMs) {
      last.unsaid += 1
      return
    }
    this.lastOf.set(kind, { at: now, unsaid: 0 })
    const more = last !== undefined && last.unsaid > 0 ? { sinceTheLast: last.unsaid } : {}
    this.logger.warn({ kind, code: error.code, error: error.summary, ...more }, 'trouble with the log, dealt with')
  }
}

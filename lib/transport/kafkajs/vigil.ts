import type { Clock, Timer } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { TroubleListener } from '../port.js'
import type { KafkaJsConnection } from './internals.js'
import { cutOff } from './mended.js'
import type { Request } from './requests.js'

/** Beyond what a broker may hold a request for: after that it is asked for among the others. */
const suspectMs = 3000
/** The same, for giving up a request that can as well be sent again; doubled each time, for a broker may just be slow. */
const repeatAfterMs = 5000
/** A process that was held up finds its timers due before it has read what has arrived meanwhile. */
const catchUpMs = 200

/** Whom a connection leads to, and what can be done about it. */
export interface Watched {
  readonly name: string
  readonly connection: KafkaJsConnection
  /** Asks the others; true: it does not belong to the cluster any more. */
  isGone(): Promise<boolean>
}

/** What is known of a connection from how it was answered. */
interface Line {
  /** The broker wants to hear nothing before that. */
  mutedUntil: number
  overdue: number
  /** Requests on their way that must not be cut off because of another. */
  delicate: number
  patienceMs: number
  failingSince: number | null
}

/**
 * Notices brokers that have fallen silent. A stopped process keeps its connections open, and a network that drops packets says
 * nothing: kafkajs waits half a minute, and then asks on the same connection again.
 */
export class Vigil {
  private readonly lines = new WeakMap<KafkaJsConnection, Line>()

  constructor(
    private readonly clock: Clock,
    /** Of any request. */
    private readonly longestMs: number,
    private readonly trouble: TroubleListener,
    private readonly onRecovered: (message: string) => void,
  ) {}

  /** It owes an answer. */
  isSuspect(connection: KafkaJsConnection): boolean {
    return this.lineOf(connection).overdue > 0
  }

  /** What `exchange` gives; rejects when that takes too long. `exchange` calls `sent` when the request leaves. */
  async over<A>(to: Watched, request: Request<A>, exchange: (sent: () => void) => Promise<A>): Promise<A> {
    const line = this.lineOf(to.connection)
    let giveUp: (error: MillraceError) => void = () => undefined
    const givenUp = new Promise<never>((_, reject) => (giveUp = reject))
    let stop: () => void = () => undefined
    if (request.isRepeatable === undefined) line.delicate += 1
    try {
      const work = exchange(() => (stop = this.watch(to, line, request, giveUp)))
      work.catch(() => undefined) // heard by nobody once it was given up
      const answer = await Promise.race([work, givenUp])
      this.answered(to, line)
      return answer
    } catch (error) {
      line.failingSince ??= this.clock.now()
      throw error
    } finally {
      stop()
      if (request.isRepeatable === undefined) line.delicate -= 1
    }
  }

  /** The broker has asked for quiet on this connection (KIP-219); kafkajs keeps it. */
  throttled(to: Watched, forMs: number, apiName: string): void {
    this.lineOf(to.connection).mutedUntil = this.clock.now() + forMs
    this.trouble({
      kind: 'throttle',
      error: new MillraceError('MR_KAFKA', `${to.name} throttles ${apiName} for ${forMs} ms: a quota is used up`),
    })
  }

  private lineOf(connection: KafkaJsConnection): Line {
    let line = this.lines.get(connection)
    if (line === undefined) {
      line = { mutedUntil: 0, overdue: 0, delicate: 0, patienceMs: Math.min(repeatAfterMs, this.longestMs), failingSince: null }
      this.lines.set(connection, line)
    }
    return line
  }

  private answered({ name }: Watched, line: Line): void {
    line.patienceMs = Math.min(repeatAfterMs, this.longestMs)
    if (line.failingSince === null) return
    this.onRecovered(`${name} answers again after ${this.clock.now() - line.failingSince} ms`)
    line.failingSince = null
  }

  /** Returns what ends it. */
  private watch(
    to: Watched,
    line: Line,
    { waitMs = 0, isRepeatable, apiName }: Request<unknown>,
    giveUp: (error: MillraceError) => void,
  ): () => void {
    const { clock } = this
    const sentAt = Math.max(clock.now(), line.mutedUntil)
    const until = sentAt + waitMs + (isRepeatable ? line.patienceMs : this.longestMs)
    let isOver = false
    let isOverdue = false
    let timer: Timer
    const end = (reason: string, isCut: boolean): void => {
      if (isOver) return
      const error = new MillraceError(
        'MR_BROKER_UNREACHABLE',
        `${to.name} has not answered ${apiName} for ${clock.now() - sentAt} ms${reason}`,
      )
      if (isRepeatable) line.patienceMs = Math.min(line.patienceMs * 2, this.longestMs)
      this.trouble({ kind: 'silence', error })
      giveUp(error)
      if (isCut) cutOff(to.connection, error)
    }
    const look = (): void => {
      if (!isOverdue) line.overdue += 1
      else if (clock.now() >= until) return end('', isRepeatable === true && line.delicate === 0)
      isOverdue = true
      timer = clock.after(Math.max(catchUpMs, Math.min(suspectMs, until - clock.now())), look)
      to.isGone().then(
        (isGone) => isGone && end(', and is no longer part of the cluster', true),
        () => undefined, // whoever needs to know asks again
      )
    }
    timer = clock.after(Math.min(sentAt + waitMs + suspectMs, until) - clock.now(), look)
    return () => {
      isOver = true
      timer.cancel()
      if (isOverdue) line.overdue -= 1
    }
  }
}

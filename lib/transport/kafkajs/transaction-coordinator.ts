import { sleep, type Clock } from '../../core/clock.js'
import type { MillraceError } from '../../core/errors.js'
import type { Connections } from './connections.js'
import { broker, brokerError, isCoordinatorMoving, isStaleMetadata } from './error-codes.js'
import { isFutile, toMillraceError } from './errors.js'
import type { KafkaJsBroker } from './internals.js'
import type { Coordinates } from './group-requests.js'
import type { Request } from './requests.js'

const backoffMs = { first: 1, most: 50 }

/** A broker that keeps a group, or the state of a transaction; asked until it gives an answer that is one. */
export class AskedCoordinator {
  private found: KafkaJsBroker | null = null

  constructor(
    private readonly connections: Connections,
    private readonly clock: Clock,
    private readonly id: string,
    private readonly kind: Coordinates,
  ) {}

  /**
   * Rejects when the answer is no, or `isOver` says that nobody waits for it any more. A transaction whose markers are not
   * written yet answers CONCURRENT_TRANSACTIONS for a few ms, or for as long as one of its leaders is away.
   */
  async ask<A>(what: string, request: Request<A>, errorOf: (answer: A) => number, isOver: () => boolean): Promise<A> {
    for (let delayMs = backoffMs.first; ; delayMs = Math.min(delayMs * 2, backoffMs.most)) {
      const outcome = await this.once(what, request, errorOf)
      if (!(outcome instanceof Refusal)) return outcome.answer
      if (!outcome.mayRetry || isOver()) throw outcome.error
      await sleep(this.clock, delayMs)
    }
  }

  private async once<A>(what: string, request: Request<A>, errorOf: (answer: A) => number): Promise<{ readonly answer: A } | Refusal> {
    try {
      this.found ??= await this.connections.findCoordinator(this.id, this.kind)
      const answer = await this.connections.send(this.found, request)
      const code = errorOf(answer)
      if (code === broker.none) return { answer }
      if (isCoordinatorMoving(code)) this.found = null
      return new Refusal(brokerError(code, what), passes(code))
    } catch (thrown) {
      this.found = null
      const error = toMillraceError(thrown, what)
      return new Refusal(error, !isFutile(error))
    }
  }
}

class Refusal {
  constructor(
    readonly error: MillraceError,
    readonly mayRetry: boolean,
  ) {}
}

const passes = (code: number): boolean =>
  code === broker.concurrentTransactions || code === broker.requestTimedOut || isCoordinatorMoving(code) || isStaleMetadata(code)

import { sleep, type Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { CommittedOffset, TopicPartition } from '../port.js'
import type { Connections } from './connections.js'
import { broker, brokerError, isCoordinatorMoving } from './error-codes.js'
import { isFutile, toMillraceError } from './errors.js'
import type { KafkaJsBroker } from './internals.js'
import { offsetCommitV5, offsetFetchV7, type FetchedOffsets, type GroupIdentity } from './group-requests.js'
import type { Request } from './requests.js'

/** Coordinators move in a few seconds; the caller has deadlines of its own. */
const patienceMs = 15_000
const pauseMs = 50
/** Longer than most transactions may take. */
const longMs = 10_000

/** Finds the coordinator without joining anything; what it found is kept until it fails. */
export interface Coordinator {
  find(): Promise<KafkaJsBroker>
  forget(): void
}

/** Offsets of one group: committed and read with requests of our own, for kafkajs reads offsets of open transactions as if there were none. */
export class GroupOffsets {
  constructor(
    private readonly connections: Connections,
    private readonly coordinator: Coordinator,
    private readonly clock: Clock,
    /** A transaction has held back the offsets of this group for that long; told of again and again. */
    private readonly held: (groupId: string, forMs: number) => void,
  ) {}

  /** Rejects with `MR_FENCED` when the generation is over. */
  async commit(identity: GroupIdentity, offsets: readonly CommittedOffset[]): Promise<void> {
    if (offsets.length === 0) return
    const what = `committing offsets of group ${identity.groupId}`
    await this.ask(what, offsetCommitV5(identity, offsets), (answer) => answer.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0)
  }

  /** Waits for transactions of an owner before us: until they end, their offsets are not known. */
  async committed(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    if (partitions.length === 0) return []
    const errorOf = ({ errorCode, partitions }: FetchedOffsets) =>
      errorCode === 0 ? (partitions.find((partition) => partition.errorCode !== 0)?.errorCode ?? 0) : errorCode
    const held = (forMs: number) => this.held(groupId, forMs)
    const found = await this.ask(`reading offsets of group ${groupId}`, offsetFetchV7(groupId, partitions), errorOf, held)
    // kafkajs commits -2 by itself in some failures; below zero there is no offset.
    return found.partitions
      .filter(({ offset }) => offset >= 0)
      .map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset, metadata }))
  }

  private async ask<A>(
    what: string,
    request: Request<A>,
    errorOf: (answer: A) => number,
    held: (forMs: number) => void = () => undefined,
  ): Promise<A> {
    const askedAt = this.clock.now()
    const giveUpAt = askedAt + patienceMs
    let toldAt = askedAt
    for (;;) {
      const outcome = await this.once(what, request, errorOf)
      if (!(outcome instanceof Failed)) return outcome
      // An open transaction ends with its own timeout; nobody else can say when.
      if (!outcome.mayRetry || (this.clock.now() > giveUpAt && !outcome.isUnstable)) throw outcome.error
      const now = this.clock.now()
      if (outcome.isUnstable && now - toldAt >= longMs) {
        toldAt = now
        held(now - askedAt)
      }
      await sleep(this.clock, pauseMs)
    }
  }

  private async once<A>(what: string, request: Request<A>, errorOf: (answer: A) => number): Promise<A | Failed> {
    try {
      const answer = await this.connections.send(await this.coordinator.find(), request)
      const code = errorOf(answer)
      if (code === 0) return answer
      if (isCoordinatorMoving(code)) this.coordinator.forget()
      const isUnstable = code === broker.unstableOffset
      return new Failed(brokerError(code, what), isUnstable || isCoordinatorMoving(code) || code === broker.requestTimedOut, isUnstable)
    } catch (thrown) {
      const error = toMillraceError(thrown, what)
      this.coordinator.forget()
      return new Failed(error, error instanceof MillraceError && !isFutile(error) && error.code !== 'MR_FENCED', false)
    }
  }
}

class Failed {
  constructor(
    readonly error: MillraceError,
    readonly mayRetry: boolean,
    readonly isUnstable: boolean,
  ) {}
}

import { sleep, type Clock, type Timer } from '../../core/clock.js'
import type { Connections } from './connections.js'
import { broker, brokerError, isCoordinatorMoving } from './error-codes.js'
import { isFutile, toMillraceError } from './errors.js'
import type { Coordinator } from './group-offsets.js'
import type { KafkaJsBroker } from './internals.js'
import { heartbeatV1, type GroupIdentity } from './group-requests.js'

export interface Heartbeats {
  /** 'kicked': the coordinator has answered that the member is none any more. */
  stop(): 'kept' | 'kicked'
}

/** Heartbeats of our own, from now until stopped; kafkajs sends none while it waits. A failing one is just not an answer. */
export const beatWhile = (
  connections: Connections,
  coordinator: KafkaJsBroker,
  identity: GroupIdentity,
  everyMs: number,
  clock: Clock,
  alive: (sentAt: number) => void,
): Heartbeats => {
  let outcome: 'kept' | 'kicked' = 'kept'
  let timer: Timer | null = null
  let isStopped = false
  const beat = async (): Promise<void> => {
    const sentAt = clock.now()
    try {
      const code = await connections.send(coordinator, heartbeatV1(identity))
      // "Rebalance in progress" is the good answer here.
      if (code === broker.none || code === broker.rebalanceInProgress) alive(sentAt)
      else if (code === broker.unknownMember || code === broker.illegalGeneration) outcome = 'kicked'
    } catch {
      // The session runs out if it goes on like this, and `isAlive` says so.
    }
    if (!isStopped) timer = clock.after(everyMs, () => void beat())
  }
  void beat()
  return {
    stop: () => {
      isStopped = true
      timer?.cancel()
      return outcome
    },
  }
}

const pauseMs = 200

export interface Pulse {
  /** A heartbeat was answered that had been sent at `sentAt`. */
  alive(sentAt: number): void
  /** False: nobody needs the answer any more. */
  isStaying(): boolean
}

/**
 * One heartbeat, sent until it is answered, wherever the coordinator is by then: a member stays what it is when its coordinator
 * moves, while kafkajs would join again. Gives the answer of the coordinator; rejects when there is no use in asking.
 */
export const beat = async (
  connections: Connections,
  coordinator: Coordinator,
  identity: GroupIdentity,
  clock: Clock,
  { alive, isStaying }: Pulse,
): Promise<'kept' | 'rebalancing' | 'kicked'> => {
  const what = `a heartbeat in group ${identity.groupId}`
  for (;;) {
    const sentAt = clock.now()
    try {
      const code = await connections.send(await coordinator.find(), heartbeatV1(identity))
      if (code === broker.none || code === broker.rebalanceInProgress) alive(sentAt)
      if (code === broker.none) return 'kept'
      if (code === broker.rebalanceInProgress) return 'rebalancing'
      if (code === broker.unknownMember || code === broker.illegalGeneration) return 'kicked'
      if (!isCoordinatorMoving(code)) throw brokerError(code, what)
    } catch (thrown) {
      const error = toMillraceError(thrown, what)
      if (isFutile(error)) throw error
    }
    coordinator.forget()
    if (!isStaying()) throw new Error('the member is leaving')
    await sleep(clock, pauseMs)
  }
}

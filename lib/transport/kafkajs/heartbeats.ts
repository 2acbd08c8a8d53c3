import type { Clock, Timer } from '../../core/clock.js'
import type { Connections } from './connections.js'
import { broker } from './error-codes.js'
import type { KafkaJsBroker } from './internals.js'
import { heartbeatV1, type GroupIdentity } from './requests.js'

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

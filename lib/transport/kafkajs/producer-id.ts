import { sleep, type Clock } from '../../core/clock.js'
import type { MillraceError } from '../../core/errors.js'
import type { Connections } from './connections.js'
import { broker, brokerError } from './error-codes.js'
import { isHopeless, toMillraceError } from './errors.js'
import type { ProducerId } from './lane.js'
import { initProducerIdV1 } from './requests.js'

export interface Patience {
  /** ms since the epoch. */
  readonly giveUpAt: number
  readonly isOver: () => boolean
  readonly note: (error: MillraceError) => void
}

const what = 'asking for a producer id'
const backoffMs = { first: 20, most: 1000 }

/** A fresh cluster may still be loading its coordinators, so it is asked until it answers. */
export const askForProducerId = async (connections: Connections, clock: Clock, patience: Patience): Promise<ProducerId> => {
  for (let delayMs = backoffMs.first; ; delayMs = Math.min(delayMs * 2, backoffMs.most)) {
    const answer = await tryOnce(connections)
    if (!(answer instanceof Error)) return answer
    if (isHopeless(answer) || clock.now() > patience.giveUpAt || patience.isOver()) throw answer
    patience.note(answer)
    await sleep(clock, delayMs)
  }
}

const tryOnce = async (connections: Connections): Promise<ProducerId | MillraceError> => {
  try {
    const { errorCode, producerId, producerEpoch } = await connections.sendToAny(initProducerIdV1())
    return errorCode === broker.none ? { producerId, producerEpoch } : brokerError(errorCode, what)
  } catch (thrown) {
    return toMillraceError(thrown, what)
  }
}

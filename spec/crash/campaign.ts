import { systemClock } from '../../lib/core/clock.js'
import { kafkaTransport } from '../../lib/transport/kafkajs/transport.js'
import { Feed } from './feed.js'
import { inputOf, outputsOf, partitions } from './messages.js'
import { Seat } from './seat.js'
import type { Mode } from './steps.js'
import { verdict } from './verdict.js'

export interface CampaignOptions {
  readonly id: string
  readonly brokers: readonly string[]
  readonly mode: Mode
  /** The same blows each time: a seed that fails is a seed to keep. */
  readonly seed: number
  readonly log: (line: string) => void
}

export interface CampaignResult<A> {
  readonly records: number
  /** What is wrong with the outputs; nothing when the promise was kept. */
  readonly faults: readonly string[]
  readonly events: A
}

export type Seats = readonly [Seat, Seat]

/**
 * Two workers of one group, each on its own disk, fed all the while something is done to them. In the end a worker that is left
 * alone finishes the work, and Kafka's own client reads what came out.
 */
export const campaign = async <A>(
  { id, brokers, mode, seed }: CampaignOptions,
  happen: (seats: Seats, random: () => number) => Promise<A>,
): Promise<CampaignResult<A>> => {
  const random = seeded(seed)
  const transport = kafkaTransport({ brokers, clientId: 'campaign', clock: systemClock })
  const names = [inputOf(id), ...Object.values(outputsOf(id))]
  await transport.createTopics(names.map((name) => ({ name, partitions, config: {} })))
  const producer = await transport.producer()
  const seats: Seats = [new Seat({ id, brokers, mode }), new Seat({ id, brokers, mode })]
  try {
    await Promise.all(seats.map((seat) => seat.start()))
    const feed = new Feed(id, producer, seeded(seed))
    feed.start()
    const events = await happen(seats, random)
    await feed.stop()
    await finish(seats)
    return { records: feed.written.flat().length, events, faults: await verdict(brokers, [{ id, mode, written: feed.written }]) }
  } finally {
    for (const seat of seats) seat.abandon()
    await producer.close()
    await transport.close()
  }
}

/** Both leave in good order; then one comes back and does what is left. */
const finish = async ([first, second]: Seats): Promise<void> => {
  await first.leave()
  await second.leave()
  await first.start()
  await first.leave()
}

export const seeded = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

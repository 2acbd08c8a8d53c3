import { MillraceError } from '../../core/errors.js'
import type { Chunk, PartitionOffset, Reader } from '../port.js'
import { Feed } from './feed.js'
import type { LogView } from './log-view.js'

const fetchBytes = 1024 * 1024

/** Reads partitions without a group; waits where there is nothing. */
export class EmbeddedReader implements Reader {
  private readonly feed: Feed
  private readonly missing: PartitionOffset | undefined
  private readonly unfollow: () => void
  private wake: () => void = () => undefined
  private isClosed = false

  constructor(log: LogView, from: readonly PartitionOffset[]) {
    this.feed = new Feed(log, fetchBytes)
    this.missing = from.find((at) => !this.feed.start(at))
    this.unfollow = log.follow(() => this.wake())
  }

  async next(): Promise<readonly Chunk[]> {
    if (this.missing)
      throw new MillraceError('MR_TOPIC_MISSING', `partition ${this.missing.partition} of topic ${this.missing.topic} does not exist`)
    // Always a turn later, also when there is something: a loop over `next` must let others live.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (!this.isClosed && !this.feed.isReady) await new Promise<void>((resolve) => (this.wake = resolve))
    if (this.isClosed) throw new MillraceError('MR_APP_STOPPED', 'the reader is closed')
    return [...this.feed.round()].map((fed) => {
      if (fed._tag === 'Chunk') {
        this.feed.taken(fed.chunk, fed.chunk.byteLength)
        return fed.chunk
      }
      throw new MillraceError('MR_OUT_OF_RANGE', `offset ${fed.at.offset} of ${fed.at.topic}-${fed.at.partition} is not in the log`)
    })
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.unfollow()
    this.wake()
  }
}

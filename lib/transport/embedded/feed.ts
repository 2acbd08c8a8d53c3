import type { Chunk, PartitionOffset, TopicPartition } from '../port.js'
import type { LogView } from './log-view.js'
import type { PartitionLog } from './partition-log.js'
import { nameOf } from './storage.js'

interface Place {
  readonly log: PartitionLog
  position: number
  /** Nothing was given yet: the first chunk comes also when it is empty, so that its taker learns the end. */
  isFresh: boolean
  isPaused: boolean
  isOutOfRange: boolean
  /** Given and not yet taken. */
  heldBytes: number
}

/** Of one partition, however much room there is. */
const mostHeldBytes = 8 * 1024 * 1024

/** What one round gives for a partition. */
export type Fed = { readonly _tag: 'Chunk'; readonly chunk: Chunk } | { readonly _tag: 'OutOfRange'; readonly at: PartitionOffset }

/** Positions in partitions, read in rounds: each gives one chunk of those that have something. */
export class Feed {
  private readonly places = new Map<string, Place>()

  constructor(
    private readonly log: LogView,
    private readonly maxBytes: number,
    /** Given and not yet taken, over all partitions, each of which has its equal part. */
    private readonly bufferBytes = Infinity,
  ) {}

  /** False: there is no such partition. */
  start(at: PartitionOffset): boolean {
    const log = this.log.find(at)
    if (log === undefined) return false
    const isPaused = this.places.get(nameOf(at))?.isPaused ?? false
    this.places.set(nameOf(at), { log, position: at.offset, isFresh: true, isPaused, isOutOfRange: false, heldBytes: 0 })
    return true
  }
  pause(at: TopicPartition): void {
    const place = this.places.get(nameOf(at))
    if (place) place.isPaused = true
  }
  resume(at: TopicPartition): void {
    const place = this.places.get(nameOf(at))
    if (place) place.isPaused = false
  }
  taken(at: TopicPartition, bytes: number): void {
    const place = this.places.get(nameOf(at))
    if (place) place.heldBytes = Math.max(0, place.heldBytes - bytes)
  }
  stop(): void {
    this.places.clear()
  }

  get isReady(): boolean {
    for (const place of this.places.values()) if (hasMore(place, this.share)) return true
    return false
  }

  /** Asked anew before each: the taker of one chunk may pause, move or stop the others. */
  *round(): Generator<Fed> {
    for (const name of [...this.places.keys()]) {
      const place = this.places.get(name)
      if (place && hasMore(place, this.share)) yield this.take(place)
    }
  }

  private get share(): number {
    return Math.min(mostHeldBytes, this.bufferBytes / 2 / this.places.size)
  }

  private take(place: Place): Fed {
    const chunk = place.log.chunk(place.position, Math.min(this.maxBytes, this.share))
    if (chunk === null) {
      place.isOutOfRange = true
      return { _tag: 'OutOfRange', at: { ...place.log.at, offset: place.position } }
    }
    place.position = chunk.nextOffset
    place.isFresh = false
    place.heldBytes += chunk.byteLength
    return { _tag: 'Chunk', chunk }
  }
}

const hasMore = ({ log, position, isFresh, isPaused, isOutOfRange, heldBytes }: Place, share: number): boolean =>
  !isPaused && !isOutOfRange && heldBytes < share && (isFresh || position < log.end || position < log.start)

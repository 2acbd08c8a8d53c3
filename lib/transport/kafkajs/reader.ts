import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { Chunk, PartitionOffset, Reader } from '../port.js'
import { toMillraceError } from './errors.js'
import type { KafkaSettings } from './internals.js'
import { ReadLane, type LaneReader } from './read-lane.js'

/** The readers of a transport: as few lanes as keep those apart that read the same partition. */
export class Readers {
  private readonly lanes = new Set<ReadLane>()
  private readonly open = new Set<KafkaReader>()

  constructor(
    private readonly kafka: KafkaSettings,
    private readonly clock: Clock,
  ) {}

  read(from: readonly PartitionOffset[]): Reader {
    const lane = [...this.lanes].find((known) => known.hasRoomFor(from)) ?? this.newLane()
    const reader: KafkaReader = new KafkaReader(lane, from, () => this.open.delete(reader))
    this.open.add(reader)
    return reader
  }

  async close(): Promise<void> {
    await Promise.all([...this.open].map((reader) => reader.close()))
  }

  private newLane(): ReadLane {
    const lane: ReadLane = new ReadLane(this.kafka, this.clock, () => this.lanes.delete(lane))
    this.lanes.add(lane)
    return lane
  }
}

interface Waiting {
  readonly resolve: (chunks: readonly Chunk[]) => void
  readonly reject: (error: MillraceError) => void
}

/** Partitions without a group. */
class KafkaReader implements Reader, LaneReader {
  private queue: Chunk[] = []
  private waiting: Waiting | null = null
  private error: MillraceError | null = null
  private closing: Promise<void> | null = null
  private readonly opened: Promise<void>

  constructor(
    private readonly lane: ReadLane,
    readonly partitions: readonly PartitionOffset[],
    private readonly onClose: () => void,
  ) {
    lane.enter(this)
    this.opened = lane
      .start(this, () => this.error !== null)
      .catch((error: unknown) => this.fail(toMillraceError(error, 'opening a reader')))
  }

  next(): Promise<readonly Chunk[]> {
    if (this.error !== null) return Promise.reject(this.error)
    if (this.queue.length > 0) return Promise.resolve(this.take())
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
    })
  }

  close(): Promise<void> {
    this.closing ??= this.closeNow()
    return this.closing
  }

  /** What its partitions bring while it opens is not for the next one that reads them. */
  private async closeNow(): Promise<void> {
    this.fail(new MillraceError('MR_APP_STOPPED', 'the reader is closed'))
    await this.opened
    await this.lane.leave(this)
    this.onClose()
  }

  push(chunk: Chunk): void {
    this.queue.push(chunk)
    const { waiting } = this
    this.waiting = null
    // After the other partitions of the same answer have been queued too.
    if (waiting !== null) queueMicrotask(() => waiting.resolve(this.take()))
  }

  private take(): readonly Chunk[] {
    const chunks = this.queue
    this.queue = []
    for (const chunk of chunks) this.lane.taken(chunk)
    return chunks
  }

  fail(error: MillraceError): void {
    this.error ??= error
    this.lane.stop(this)
    this.waiting?.reject(this.error)
    this.waiting = null
  }
}

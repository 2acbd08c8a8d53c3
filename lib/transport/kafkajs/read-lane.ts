import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { Chunk, PartitionOffset, TopicPartition } from '../port.js'
import { Connections } from './connections.js'
import { isHopeless } from './errors.js'
import { Fetcher } from './fetcher.js'
import type { KafkaSettings } from './internals.js'

const mebibyte = 1024 * 1024
/** A reader that has just come waits for the answer that is on its way. */
const waitMs = 50
const settings = { waitMs, bytesPerPartition: 4 * mebibyte, maxBytes: 16 * mebibyte, bufferBytes: 64 * mebibyte }

/** Whoever reads some partitions of a lane. */
export interface LaneReader {
  readonly partitions: readonly PartitionOffset[]
  push(chunk: Chunk): void
  fail(error: MillraceError): void
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`

/**
 * Readers that share connections and fetches: the changelogs of many tasks come in one request per broker. On connections of its
 * own, for a long poll must not stand in the way of heartbeats.
 */
export class ReadLane {
  private readonly readers = new Map<string, LaneReader>()
  private readonly connections: Connections
  private readonly fetcher: Fetcher
  private readonly connected: Promise<void>
  private isBroken = false

  constructor(
    kafka: KafkaSettings,
    clock: Clock,
    private readonly onEmpty: () => void,
  ) {
    this.connections = Connections.capture(kafka, clock)
    this.fetcher = new Fetcher(this.connections, clock, settings, {
      chunk: (chunk) => this.readers.get(keyOf(chunk))?.push(chunk),
      outOfRange: (at) =>
        this.readers
          .get(keyOf(at))
          ?.fail(new MillraceError('MR_OUT_OF_RANGE', `${at.topic}-${at.partition} does not hold offset ${at.offset}`)),
      failed: (error, at) => this.failed(error, at),
      trouble: (error) => kafka.trouble({ kind: 'leader', error }),
    })
    this.connected = this.connections.connect()
    this.connected.catch(() => (this.isBroken = true))
  }

  /** One position per partition: who reads it too needs a lane of its own. */
  hasRoomFor(partitions: readonly TopicPartition[]): boolean {
    return !this.isBroken && partitions.every((at) => !this.readers.has(keyOf(at)))
  }

  enter(reader: LaneReader): void {
    for (const at of reader.partitions) this.readers.set(keyOf(at), reader)
  }

  /** Resolves when its partitions are being read. */
  async start({ partitions }: LaneReader, isOver: () => boolean): Promise<void> {
    await this.connected
    const topics = [...new Set(partitions.map(({ topic }) => topic))]
    await this.connections.addTopics(topics)
    const missing = topics.find((topic) => this.connections.partitionsOf(topic) === 0)
    if (missing !== undefined) throw new MillraceError('MR_TOPIC_MISSING', `there is no topic ${missing}`)
    if (!isOver()) for (const at of partitions) this.fetcher.start(at)
  }

  taken(chunk: Chunk): void {
    this.fetcher.taken(chunk, chunk.byteLength)
  }

  /** Reads nothing more for it. */
  stop({ partitions }: LaneReader): void {
    for (const at of partitions) this.fetcher.stop(at)
  }

  /** Resolves when it holds up nobody; the last one closes the door. */
  async leave(reader: LaneReader): Promise<void> {
    this.stop(reader)
    for (const at of reader.partitions) this.readers.delete(keyOf(at))
    if (this.readers.size > 0) return
    this.isBroken = true
    this.onEmpty()
    this.fetcher.close()
    await this.connected.catch(() => undefined)
    await this.connections.close()
  }

  private failed(error: MillraceError, at: TopicPartition): void {
    const told = isHopeless(error) ? new Set(this.readers.values()) : [this.readers.get(keyOf(at))]
    for (const reader of told) reader?.fail(error)
  }
}

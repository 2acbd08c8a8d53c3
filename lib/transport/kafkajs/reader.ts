import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { Chunk, PartitionOffset, Reader } from '../port.js'
import { Connections } from './connections.js'
import { toMillraceError } from './errors.js'
import { Fetcher } from './fetcher.js'
import type { KafkaSettings } from './internals.js'

const mebibyte = 1024 * 1024
const settings = { waitMs: 250, bytesPerPartition: 4 * mebibyte, maxBytes: 16 * mebibyte, bufferBytes: 64 * mebibyte }

interface Waiting {
  readonly resolve: (chunks: readonly Chunk[]) => void
  readonly reject: (error: MillraceError) => void
}

/** Partitions without a group, on connections of its own: a long poll must not stand in the way of heartbeats. */
export class KafkaReader implements Reader {
  private readonly fetcher: Fetcher
  private queue: Chunk[] = []
  private waiting: Waiting | null = null
  private error: MillraceError | null = null
  private isClosed = false
  private readonly opened: Promise<void>

  constructor(
    kafka: KafkaSettings,
    clock: Clock,
    from: readonly PartitionOffset[],
    private readonly onClose: () => void,
    private readonly connections = Connections.capture(kafka, clock),
  ) {
    this.fetcher = new Fetcher(connections, clock, settings, {
      chunk: (chunk) => this.push(chunk),
      outOfRange: (at) => this.fail(new MillraceError('MR_OUT_OF_RANGE', `${at.topic}-${at.partition} does not hold offset ${at.offset}`)),
      failed: (error) => this.fail(error),
      trouble: (error) => kafka.trouble({ kind: 'leader', error }),
    })
    this.opened = this.open(from).catch((error: unknown) => this.fail(toMillraceError(error, 'opening a reader')))
  }

  next(): Promise<readonly Chunk[]> {
    if (this.error !== null) return Promise.reject(this.error)
    if (this.queue.length > 0) return Promise.resolve(this.take())
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
    })
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    this.fail(new MillraceError('MR_APP_STOPPED', 'the reader is closed'))
    await this.opened
    await this.connections.close()
    this.onClose()
  }

  private async open(from: readonly PartitionOffset[]): Promise<void> {
    await this.connections.connect()
    const topics = [...new Set(from.map(({ topic }) => topic))]
    await this.connections.addTopics(topics)
    const missing = topics.find((topic) => this.connections.partitionsOf(topic) === 0)
    if (missing !== undefined) throw new MillraceError('MR_TOPIC_MISSING', `there is no topic ${missing}`)
    if (this.error === null) from.forEach((at) => this.fetcher.start(at))
  }

  private push(chunk: Chunk): void {
    this.queue.push(chunk)
    const { waiting } = this
    this.waiting = null
    // After the other partitions of the same answer have been queued too.
    if (waiting !== null) queueMicrotask(() => waiting.resolve(this.take()))
  }

  private take(): readonly Chunk[] {
    const chunks = this.queue
    this.queue = []
    for (const chunk of chunks) this.fetcher.taken(chunk, chunk.byteLength)
    return chunks
  }

  private fail(error: MillraceError): void {
    this.error ??= error
    this.fetcher.close()
    this.waiting?.reject(this.error)
    this.waiting = null
  }
}

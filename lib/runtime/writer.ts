import type { Clock } from '../core/clock.js'
import { headersFrom, noHeaders, type KHeadersInit } from '../core/headers.js'
import { MillraceError } from '../core/errors.js'
import { partitionOf } from '../core/murmur2.js'
import type { SinkTopic } from '../topology/node.js'
import type { Producer } from '../transport/port.js'
import type { TopicCatalogue } from './topic-catalogue.js'

export interface WriteOptions {
  readonly headers?: KHeadersInit | undefined
  readonly timestamp?: number | undefined
}

/** `app.send` and `app.sink`: records from outside the pipelines. */
export class Writer {
  private round = 0

  constructor(
    private readonly topics: TopicCatalogue,
    private readonly producer: () => Producer,
    private readonly clock: Clock,
  ) {}

  /** Resolves when the log has acknowledged. */
  async write(topic: SinkTopic, key: unknown, value: unknown, options: WriteOptions = {}): Promise<void> {
    const timestamp = options.timestamp ?? this.clock.now()
    if (!Number.isFinite(timestamp) || timestamp < 0)
      throw new MillraceError('MR_TIMESTAMP', `the timestamp of a record for ${topic.name} is ${String(timestamp)}`)
    // Encoded at once: the caller may change the value afterwards.
    const record = {
      key: topic.key.encode(key),
      value: topic.value.encode(value),
      timestamp,
      headers: options.headers ? headersFrom(options.headers) : noHeaders,
    }
    await this.topics.discover(topic)
    const partition = this.partition(topic, key, record.key)
    const producer = this.producer()
    await new Promise<void>((resolve, reject) => {
      producer.append({ topic: topic.name, partition }, record, { delivered: () => resolve(), failed: reject }, null)
    })
  }

  private partition(topic: SinkTopic, key: unknown, bytes: Uint8Array | null): number {
    const partitions = this.topics.info(topic.name)?.partitions ?? 1
    if (topic.partition) return topic.partition(key, partitions)
    return bytes === null ? this.round++ % partitions : partitionOf(bytes, partitions)
  }
}

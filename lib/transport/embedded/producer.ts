import { MillraceError } from '../../core/errors.js'
import { noHeaders } from '../../core/headers.js'
import type { OutRecord } from '../../core/record.js'
import { headerBytes } from '../batch/header.js'
import { BatchWriter } from '../batch/writer.js'
import type { Delivery, Producer, TopicPartition } from '../port.js'
import type { Log } from './log.js'
import type { PartitionLog } from './partition-log.js'
import { nameOf } from './storage.js'

/** Kafka's default of `max.message.bytes`. */
const defaultMaxBytes = 1_048_588
/** A batch is sealed beyond that, whatever the topic allows. */
const batchBytes = 1024 * 1024

/** Records of one partition on their way into one batch. */
interface Draft {
  readonly log: PartitionLog
  readonly writer: BatchWriter
  readonly maxBytes: number
  deliveries: Delivery[]
  origins: unknown[]
  weight: number
}

/** What is appended in a turn of the event loop is written at its end: waiting longer would gain nothing. */
export class EmbeddedProducer implements Producer {
  private readonly drafts = new Map<string, Draft>()
  private waiting = 0
  private isSealing = false
  private isClosed = false
  private isKilled = false

  constructor(private readonly log: Log) {}

  get pendingBytes(): number {
    return this.waiting
  }

  append(partition: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    if (this.isKilled) return
    const draft = this.draftOf(partition)
    const refusal = this.refusal(partition, draft, record)
    if (refusal || draft === undefined) return void queueMicrotask(() => refusal && delivery.failed(refusal, origin))
    const size = sizeUpTo(record)
    if (draft.writer.count > 0 && draft.writer.byteLength + size > Math.min(draft.maxBytes, batchBytes)) this.seal(draft)
    draft.writer.append(record)
    draft.deliveries.push(delivery)
    draft.origins.push(origin)
    draft.weight += size
    this.waiting += size
    if (this.isSealing) return
    this.isSealing = true
    this.log.beforeWrite(() => this.sealAll())
  }

  flush(): void {
    // Nothing lingers.
  }

  async close(): Promise<void> {
    this.isClosed = true
    if (!this.isKilled && this.waiting > 0) await this.log.flushed()
  }

  /** What has not been written is lost, and nobody hears of it. */
  kill(): void {
    this.isKilled = true
    this.drafts.clear()
  }

  private draftOf(partition: TopicPartition): Draft | undefined {
    const name = nameOf(partition)
    const known = this.drafts.get(name)
    if (known) return known
    const log = this.log.find(partition)
    if (log === undefined) return undefined
    const maxBytes = Number(log.config['max.message.bytes'] ?? defaultMaxBytes)
    const draft = { log, maxBytes, writer: new BatchWriter(), deliveries: [], origins: [], weight: 0 }
    this.drafts.set(name, draft)
    return draft
  }

  private refusal(at: TopicPartition, draft: Draft | undefined, record: OutRecord): MillraceError | null {
    if (this.isClosed) return new MillraceError('MR_APP_STOPPED', 'the producer is closed')
    if (draft === undefined) return new MillraceError('MR_TOPIC_MISSING', `partition ${at.partition} of topic ${at.topic} does not exist`)
    if (!isTime(record.timestamp))
      return new MillraceError('MR_TIMESTAMP', `a record for ${at.topic}-${at.partition} has the timestamp ${record.timestamp}`)
    if (sizeUpTo(record) <= draft.maxBytes) return null
    const alone = new BatchWriter()
    alone.append(record)
    if (alone.byteLength <= draft.maxBytes) return null
    return new MillraceError(
      'MR_RECORD_TOO_LARGE',
      `a record for ${at.topic}-${at.partition} takes ${alone.byteLength} bytes, and ${draft.maxBytes} are allowed`,
    )
  }

  private sealAll(): void {
    this.isSealing = false
    for (const draft of this.drafts.values()) if (draft.writer.count > 0) this.seal(draft)
  }

  private seal(draft: Draft): void {
    const { deliveries, origins, weight } = draft
    draft.deliveries = []
    draft.origins = []
    draft.weight = 0
    const settle = (tell: () => void): void => {
      this.waiting -= weight
      if (!this.isKilled) tell()
    }
    this.log.append(
      draft.log,
      draft.writer.seal(),
      (lastOffset) => settle(() => acknowledge(draft.log.at, deliveries, lastOffset)),
      (error) => settle(() => deliveries.forEach((delivery, i) => delivery.failed(error, origins[i]))),
    )
  }
}

/** Runs of records with one delivery are told of at once. */
const acknowledge = (at: TopicPartition, deliveries: readonly Delivery[], lastOffset: number): void => {
  const baseOffset = lastOffset - deliveries.length + 1
  for (let start = 0; start < deliveries.length;) {
    const delivery = deliveries[start]
    let end = start + 1
    while (end < deliveries.length && deliveries[end] === delivery) end++
    delivery?.delivered(end - start, at, baseOffset + end - 1)
    start = end
  }
}

const isTime = (timestamp: number): boolean => timestamp >= 0 && timestamp <= Number.MAX_SAFE_INTEGER

/** Of a batch with this record alone, generously: lengths, deltas and counts at their longest. */
const sizeUpTo = (record: OutRecord): number => {
  let size = headerBytes + 40 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  if (record.headers !== noHeaders) for (const [name, value] of record.headers) size += 10 + name.length * 3 + (value?.length ?? 0)
  return size
}

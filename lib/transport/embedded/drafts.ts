import { MillraceError } from '../../core/errors.js'
import { noHeaders } from '../../core/headers.js'
import type { OutRecord } from '../../core/record.js'
import { headerBytes } from '../batch/header.js'
import { BatchWriter } from '../batch/writer.js'
import type { Delivery, TopicPartition } from '../port.js'
import type { PartitionLog } from './partition-log.js'

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

/** A batch that can be written, and who is to hear of it. */
export interface SealedDraft {
  readonly log: PartitionLog
  readonly bytes: Buffer
  readonly deliveries: readonly Delivery[]
  readonly origins: readonly unknown[]
  /** As `append` has counted it. */
  readonly weight: number
}

/** Gathers records into batches, by partition; refuses those that the log would not take. */
export class Drafts {
  private readonly drafts = new Map<string, Draft[]>()

  constructor(
    private readonly find: (at: TopicPartition) => PartitionLog | undefined,
    private readonly onSealed: (sealed: SealedDraft) => void,
  ) {}

  /** What the record weighs, or why it is refused. */
  append(at: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): number | MillraceError {
    const draft = this.draftOf(at)
    if (draft === undefined) return new MillraceError('MR_TOPIC_MISSING', `partition ${at.partition} of topic ${at.topic} does not exist`)
    const refusal = refusalOf(at, draft.maxBytes, record)
    if (refusal) return refusal
    const size = sizeUpTo(record)
    if (draft.writer.count > 0 && draft.writer.byteLength + size > Math.min(draft.maxBytes, batchBytes)) this.seal(draft)
    draft.writer.append(record)
    draft.deliveries.push(delivery)
    draft.origins.push(origin)
    draft.weight += size
    return size
  }

  sealAll(): void {
    for (const partitions of this.drafts.values()) partitions.forEach((draft) => draft.writer.count > 0 && this.seal(draft))
  }

  clear(): void {
    this.drafts.clear()
  }

  private seal(draft: Draft): void {
    const { log, writer, deliveries, origins, weight } = draft
    draft.deliveries = []
    draft.origins = []
    draft.weight = 0
    this.onSealed({ log, bytes: writer.seal(), deliveries, origins, weight })
  }

  private draftOf(at: TopicPartition): Draft | undefined {
    let partitions = this.drafts.get(at.topic)
    const known = partitions?.[at.partition]
    if (known) return known
    const log = this.find(at)
    if (log === undefined) return undefined
    const maxBytes = Number(log.config['max.message.bytes'] ?? defaultMaxBytes)
    const draft = { log, maxBytes, writer: new BatchWriter(), deliveries: [], origins: [], weight: 0 }
    if (partitions === undefined) this.drafts.set(at.topic, (partitions = []))
    partitions[at.partition] = draft
    return draft
  }
}

/** Runs of records with one delivery are told of at once. */
export const acknowledge = ({ log, deliveries }: SealedDraft, lastOffset: number): void => {
  const baseOffset = lastOffset - deliveries.length + 1
  for (let start = 0; start < deliveries.length;) {
    const delivery = deliveries[start]
    let end = start + 1
    while (end < deliveries.length && deliveries[end] === delivery) end++
    delivery?.delivered(end - start, log.at, baseOffset + end - 1)
    start = end
  }
}

const refusalOf = (at: TopicPartition, maxBytes: number, record: OutRecord): MillraceError | null => {
  if (!isTime(record.timestamp))
    return new MillraceError('MR_TIMESTAMP', `a record for ${at.topic}-${at.partition} has the timestamp ${record.timestamp}`)
  if (sizeUpTo(record) <= maxBytes) return null
  const alone = new BatchWriter()
  alone.append(record)
  if (alone.byteLength <= maxBytes) return null
  return new MillraceError(
    'MR_RECORD_TOO_LARGE',
    `a record for ${at.topic}-${at.partition} takes ${alone.byteLength} bytes, and ${maxBytes} are allowed`,
  )
}

const isTime = (timestamp: number): boolean => timestamp >= 0 && timestamp <= Number.MAX_SAFE_INTEGER

/** Of a batch with this record alone, generously: lengths, deltas and counts at their longest. */
const sizeUpTo = (record: OutRecord): number => {
  let size = headerBytes + 40 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  if (record.headers !== noHeaders) for (const [name, value] of record.headers) size += 10 + name.length * 3 + (value?.length ?? 0)
  return size
}

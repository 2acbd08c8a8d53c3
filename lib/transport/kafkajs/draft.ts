import type { Clock } from '../../core/clock.js'
import type { OutRecord } from '../../core/record.js'
import type { Delivery, Draft, TopicPartition } from '../port.js'
import { appendTo, moveAll, type OpenBatch, type Writers } from './open-batch.js'

/** What is drafted for one partition. */
export interface Drafted extends TopicPartition {
  readonly batches: readonly OpenBatch[]
}

/** Encoded as it comes: records that waited for their commit as objects would grow old, and cost the garbage collector that much more. */
export class KafkaDraft implements Draft {
  byteLength = 0
  private byTopic = new Map<string, OpenBatch[][]>()

  constructor(
    private readonly clock: Clock,
    private readonly writers: Writers,
  ) {}

  append({ topic, partition }: TopicPartition, record: OutRecord, delivery: Delivery, origin: unknown): void {
    this.byteLength += appendTo(this.batchesOf(topic, partition), record, delivery, origin, this.clock, this.writers)
  }

  /** Takes over what another one holds. */
  add(other: KafkaDraft): void {
    this.byteLength += other.byteLength
    for (const { topic, partition, batches } of other.take()) moveAll(batches, this.batchesOf(topic, partition), this.writers)
  }

  /** All of it; the draft is empty then. */
  take(): readonly Drafted[] {
    const taken: Drafted[] = []
    for (const [topic, partitions] of this.byTopic) partitions.forEach((batches, partition) => taken.push({ topic, partition, batches }))
    this.byTopic = new Map()
    this.byteLength = 0
    return taken
  }

  private batchesOf(topic: string, partition: number): OpenBatch[] {
    let partitions = this.byTopic.get(topic)
    if (partitions === undefined) this.byTopic.set(topic, (partitions = []))
    return (partitions[partition] ??= [])
  }
}

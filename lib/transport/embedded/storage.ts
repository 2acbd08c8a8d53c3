import type { CommittedOffset, TopicPartition } from '../port.js'

/** One record batch as the log knows it; the bytes are the storage's. */
export interface StoredBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly byteLength: number
}
export interface PartitionRef {
  readonly topicId: number
  readonly partition: number
}
/** The offsets a partition spans where its batches do not tell: some were removed at either end. */
export interface Bounds {
  readonly start: number
  readonly end: number
}
export interface StoredTopic {
  readonly id: number
  readonly name: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}
export interface GroupOffset extends CommittedOffset {
  readonly groupId: string
}

/** Where a log rests. Everything but reading happens inside `transact`: all of it is kept, or none. */
export interface LogStorage {
  /** Throws `MR_STATE_WRITE`; then nothing of it was kept. When it returns, all of it is durable where the storage is. */
  transact(write: () => void): void
  topics(): readonly StoredTopic[]
  putTopic(topic: StoredTopic): void
  offsets(): readonly GroupOffset[]
  putOffset(offset: GroupOffset): void
  bounds(at: PartitionRef): Bounds | undefined
  putBounds(at: PartitionRef, bounds: Bounds): void
  /** In order of offsets. */
  batches(at: PartitionRef): readonly StoredBatch[]
  read(at: PartitionRef, batch: StoredBatch): Buffer | undefined
  putBatch(at: PartitionRef, batch: StoredBatch, bytes: Buffer): void
  removeBatch(at: PartitionRef, batch: StoredBatch): void
  close(): void
}

export const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

/** Keeps batches while the log that holds it does; all else the log itself remembers. */
export const memoryStorage = (): LogStorage => {
  const bytesOf = new Map<StoredBatch, Buffer>()
  return {
    transact: (write) => write(),
    topics: () => [],
    putTopic: () => undefined,
    offsets: () => [],
    putOffset: () => undefined,
    bounds: () => undefined,
    putBounds: () => undefined,
    batches: () => [],
    read: (_, batch) => bytesOf.get(batch),
    // A sealed batch is a view into a buffer up to twice as large.
    putBatch: (_, batch, bytes) => void bytesOf.set(batch, Buffer.from(bytes)),
    removeBatch: (_, batch) => void bytesOf.delete(batch),
    close: () => bytesOf.clear(),
  }
}

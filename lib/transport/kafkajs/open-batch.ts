import type { Clock } from '../../core/clock.js'
import type { OutRecord } from '../../core/record.js'
import type { BatchWriter } from '../batch/writer.js'
import type { Delivery } from '../port.js'

/** Records of one partition on their way, and who hears of them. */
export interface OpenBatch {
  readonly writer: BatchWriter
  readonly deliveries: Delivery[]
  readonly origins: unknown[]
  /** When the first of them came. */
  readonly since: number
  /** Of its records, as counted in `pendingBytes`. */
  weight: number
}

/** Writers are worth keeping: one has a buffer as large as its last batch. */
export class Writers {
  private readonly spare: BatchWriter[] = []

  constructor(private readonly make: () => BatchWriter) {}

  take(): BatchWriter {
    return this.spare.pop() ?? this.make()
  }
  giveBack(writer: BatchWriter): void {
    if (this.spare.length < maxSpare) this.spare.push(writer)
  }
}

const maxSpare = 64
/** Fits into a topic's default max.message.bytes, 1 MiB and 12 bytes. */
const maxBatchBytes = 1_000_000
const recordOverhead = 64

/** Into the last of the batches, or a new one when it is full. Returns the weight of the record. */
export const appendTo = (
  batches: OpenBatch[],
  record: OutRecord,
  delivery: Delivery,
  origin: unknown,
  clock: Clock,
  writers: Writers,
  limit = maxBatchBytes,
): number => {
  const weight = (record.key?.length ?? 0) + (record.value?.length ?? 0) + recordOverhead
  let open = batches.at(-1)
  if (open === undefined || open.writer.byteLength + weight > Math.min(limit, maxBatchBytes)) {
    open = { writer: writers.take(), deliveries: [], origins: [], since: clock.now(), weight: 0 }
    batches.push(open)
  }
  open.writer.append(record)
  open.deliveries.push(delivery)
  open.origins.push(origin)
  open.weight += weight
  return weight
}

/** Joins what fits together, for a partition takes one batch at a time. */
export const moveAll = (from: readonly OpenBatch[], to: OpenBatch[], writers: Writers, limit = maxBatchBytes): void => {
  for (const batch of from) {
    const last = to.at(-1)
    if (last === undefined || last.writer.byteLength + batch.writer.byteLength > Math.min(limit, maxBatchBytes)) {
      to.push(batch)
      continue
    }
    last.writer.appendAll(batch.writer)
    for (let i = 0; i < batch.deliveries.length; i++) {
      last.deliveries.push(batch.deliveries[i] as Delivery) // i is in range
      last.origins.push(batch.origins[i])
    }
    last.weight += batch.weight
    writers.giveBack(batch.writer)
  }
}

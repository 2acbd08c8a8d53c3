import type { TopicPartition } from '../port.js'
import type { AbortedTransaction } from '../batch/record-set.js'
import { byTopic, type PartitionError, type Request } from './requests.js'
import { WireWriter } from './wire.js'

export interface FetchRequest {
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly bytesPerPartition: number
  readonly partitions: readonly (TopicPartition & { readonly offset: number })[]
}
export interface FetchedPartition extends PartitionError {
  readonly lastStableOffset: number
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches, the last one perhaps cut off; a view into the response. */
  readonly records: Buffer
}
export interface FetchResponse {
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
}

/** Read-committed, outside of any fetch session. */
export const fetchV11 = ({ maxWaitMs, maxBytes, bytesPerPartition, partitions }: FetchRequest): Request<FetchResponse> => {
  const to = new WireWriter().int32(-1).int32(maxWaitMs).int32(1).int32(maxBytes).int8(1).int32(0).int32(-1)
  to.array(byTopic(partitions), ([topic, items]) => {
    to.string(topic).array(items, ({ partition, offset }) => to.int32(partition).int32(-1).int64(offset).int64(-1).int32(bytesPerPartition))
  })
  return {
    apiKey: 1,
    apiVersion: 11,
    apiName: 'Fetch',
    isRepeatable: true,
    body: to.int32(0).string('').finish(),
    waitMs: maxWaitMs,
    decode: (from) => {
      from.throttle()
      const errorCode = from.int16()
      from.int32() // session
      const partitions = from
        .array(() => {
          const topic = from.string()
          return from.array((): FetchedPartition => {
            const partition = from.int32()
            const code = from.int16()
            from.int64() // high watermark
            const lastStableOffset = from.int64()
            from.int64() // log start
            const aborted = from.array(() => ({ producerId: from.bigint64(), firstOffset: from.int64() }))
            from.int32() // preferred replica: none without a rack
            return { topic, partition, errorCode: code, lastStableOffset, aborted, records: from.raw() }
          })
        })
        .flat()
      return { errorCode, partitions }
    },
  }
}

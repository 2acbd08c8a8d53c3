import type { PartitionOffset, TopicPartition } from '../port.js'
import type { Metadata } from './internals.js'
import { type WireReader, WireWriter } from './wire.js'

/** One request of the Kafka protocol: our own bytes, on kafkajs's connections. */
export interface Request<A> {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  readonly body: Buffer
  /** The broker may take this long beyond the usual. */
  readonly waitMs?: number
  /** It does no harm twice, however late the first arrives: a broker that stays silent is asked again soon. */
  readonly isRepeatable?: true
  readonly decode: (payload: WireReader) => A
}

/** In the order of the wire: topics, then what belongs to each. */
export const byTopic = <A extends { readonly topic: string }>(
  items: readonly A[],
): readonly (readonly [topic: string, items: readonly A[]])[] => {
  const topics = new Map<string, A[]>()
  for (const item of items) {
    const same = topics.get(item.topic)
    if (same === undefined) topics.set(item.topic, [item])
    else same.push(item)
  }
  return [...topics]
}

export interface PartitionError extends TopicPartition {
  readonly errorCode: number
}

/** Topics, partitions of each, `read` for what follows the index. */
export const readPartitions = <A>(from: WireReader, read: (at: TopicPartition) => A): A[] =>
  from
    .array(() => {
      const topic = from.string()
      return from.array(() => read({ topic, partition: from.int32() }))
    })
    .flat()

export const compactPartitions = <A>(from: WireReader, read: (at: TopicPartition) => A): A[] =>
  from
    .compactArray(() => {
      const topic = from.compactString()
      const items = from.compactArray(() => read({ topic, partition: from.int32() }))
      from.tags()
      return items
    })
    .flat()

/** All topics when `topics` is null. */
export const metadataV6 = (topics: readonly string[] | null): Request<Metadata> => {
  const to = new WireWriter()
  if (topics === null) to.int32(-1)
  else to.array(topics, (topic) => to.string(topic))
  return {
    apiKey: 3,
    apiVersion: 6,
    apiName: 'Metadata',
    isRepeatable: true,
    body: to.int8(0).finish(),
    decode: (from) => ({
      clientSideThrottleTime: from.throttle(),
      brokers: from.array(() => ({ nodeId: from.int32(), host: from.string(), port: from.int32(), rack: from.nullableString() })),
      clusterId: from.nullableString(),
      controllerId: from.int32(),
      topicMetadata: from.array(() => ({
        topicErrorCode: from.int16(),
        topic: from.string(),
        isInternal: from.int8() !== 0,
        partitionMetadata: from.array(() => ({
          partitionErrorCode: from.int16(),
          partitionId: from.int32(),
          leader: from.int32(),
          replicas: from.array(() => from.int32()),
          isr: from.array(() => from.int32()),
          offlineReplicas: from.array(() => from.int32()),
        })),
      })),
    }),
  }
}

export const listOffsetsV3 = (
  partitions: readonly TopicPartition[],
  timestamp: number,
  isolation: 'committed' | 'uncommitted',
): Request<readonly (PartitionError & PartitionOffset)[]> => {
  const to = new WireWriter().int32(-1).int8(isolation === 'committed' ? 1 : 0)
  to.array(byTopic(partitions), ([topic, items]) => {
    to.string(topic).array(items, ({ partition }) => to.int32(partition).int64(timestamp))
  })
  return {
    apiKey: 2,
    apiVersion: 3,
    apiName: 'ListOffsets',
    isRepeatable: true,
    body: to.finish(),
    decode: (from) => {
      from.throttle()
      return readPartitions(from, (at) => {
        const errorCode = from.int16()
        from.int64() // the timestamp of the record
        return { ...at, errorCode, offset: from.int64() }
      })
    },
  }
}

export interface ProducedPart extends PartitionError {
  /** Of the batch; -1 where the broker does not know it any more. */
  readonly baseOffset: number
}

/** Waits for all in-sync replicas. One batch for a partition. */
export const produceV7 = (
  parts: readonly (TopicPartition & { readonly batch: Buffer })[],
  timeoutMs: number,
  transactionalId: string | null = null,
): Request<readonly ProducedPart[]> => {
  const size = parts.reduce((sum, { batch, topic }) => sum + batch.length + topic.length + 64, 256)
  const to = new WireWriter(size).string(transactionalId).int16(-1).int32(timeoutMs)
  to.array(byTopic(parts), ([topic, items]) => {
    to.string(topic).array(items, ({ partition, batch }) => to.int32(partition).raw(batch))
  })
  return {
    apiKey: 0,
    apiVersion: 7,
    apiName: 'Produce',
    body: to.finish(),
    decode: (from) => {
      const parts = readPartitions(from, (at) => {
        const part = { ...at, errorCode: from.int16(), baseOffset: from.int64() }
        from.int64() // log append time
        from.int64() // log start offset
        return part
      })
      from.throttle()
      return parts
    },
  }
}

export interface ProducerIdentity {
  readonly errorCode: number
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** For an idempotent producer, a new id each time; for a transactional one its own, with the next epoch: what it left open is aborted. */
export const initProducerIdV1 = (transactionalId: string | null = null, timeoutMs = 60_000): Request<ProducerIdentity> => ({
  apiKey: 22,
  apiVersion: 1,
  apiName: 'InitProducerId',
  body: new WireWriter().string(transactionalId).int32(timeoutMs).finish(),
  decode: (from) => {
    from.throttle()
    return { errorCode: from.int16(), producerId: from.bigint64(), producerEpoch: from.int16() }
  },
})

export interface TopicError {
  readonly topic: string
  readonly errorCode: number
  readonly message: string | null
}

/** With as many replicas as the cluster has by default. */
export const createTopicsV4 = (
  topics: readonly { readonly name: string; readonly partitions: number; readonly config: Readonly<Record<string, string>> }[],
  timeoutMs: number,
): Request<readonly TopicError[]> => {
  const to = new WireWriter().array(topics, () => undefined)
  for (const { name, partitions, config } of topics) {
    to.string(name).int32(partitions).int16(-1).int32(0)
    to.array(Object.entries(config), ([key, value]) => to.string(key).string(value))
  }
  return {
    apiKey: 19,
    apiVersion: 4,
    apiName: 'CreateTopics',
    body: to.int32(timeoutMs).int8(0).finish(),
    waitMs: timeoutMs,
    decode: (from) => {
      from.throttle()
      return from.array(() => ({ topic: from.string(), errorCode: from.int16(), message: from.nullableString() }))
    },
  }
}

export interface TopicConfig extends TopicError {
  readonly entries: ReadonlyMap<string, string>
}

export const describeTopicConfigsV1 = (topics: readonly string[], keys: readonly string[]): Request<readonly TopicConfig[]> => {
  const to = new WireWriter()
  to.array(topics, (topic) => {
    to.int8(2)
      .string(topic)
      .array(keys, (key) => to.string(key))
  })
  return {
    apiKey: 32,
    apiVersion: 1,
    apiName: 'DescribeConfigs',
    isRepeatable: true,
    body: to.int8(0).finish(),
    decode: (from) => {
      from.throttle()
      return from.array(() => {
        const errorCode = from.int16()
        const message = from.nullableString()
        from.int8() // resource type
        const topic = from.string()
        const entries = from.array((): readonly [string, string] => {
          const entry = [from.string(), from.string()] as const
          from.int8() // read only
          from.int8() // source
          from.int8() // sensitive
          from.array(() => [from.string(), from.nullableString(), from.int8()])
          return entry
        })
        return { topic, errorCode, message, entries: new Map(entries) }
      })
    },
  }
}

export const deleteRecordsV0 = (offsets: readonly PartitionOffset[], timeoutMs: number): Request<readonly PartitionError[]> => {
  const to = new WireWriter()
  to.array(byTopic(offsets), ([topic, items]) => {
    to.string(topic).array(items, ({ partition, offset }) => to.int32(partition).int64(offset))
  })
  return {
    apiKey: 21,
    apiVersion: 0,
    apiName: 'DeleteRecords',
    body: to.int32(timeoutMs).finish(),
    waitMs: timeoutMs,
    decode: (from) => {
      from.throttle()
      return readPartitions(from, (at) => {
        from.int64() // low watermark
        return { ...at, errorCode: from.int16() }
      })
    },
  }
}

import type { PartitionOffset, TopicPartition } from '../port.js'
import { byTopic, compactPartitions, readPartitions, type PartitionError, type Request } from './requests.js'
import { WireWriter } from './wire.js'

export interface GroupIdentity {
  readonly groupId: string
  readonly generation: number
  readonly memberId: string
}

export const heartbeatV1 = ({ groupId, generation, memberId }: GroupIdentity): Request<number> => ({
  apiKey: 12,
  apiVersion: 1,
  apiName: 'Heartbeat',
  isRepeatable: true,
  body: new WireWriter().string(groupId).int32(generation).string(memberId).finish(),
  decode: (from) => {
    from.throttle()
    return from.int16()
  },
})

/** What a coordinator coordinates. */
export const coordinates = { group: 0, transactions: 1 } as const
export type Coordinates = (typeof coordinates)[keyof typeof coordinates]

export const findCoordinatorV2 = (
  id: string,
  kind: Coordinates,
): Request<{ readonly errorCode: number; readonly message: string | null; readonly nodeId: number }> => ({
  apiKey: 10,
  apiVersion: 2,
  apiName: 'FindCoordinator',
  isRepeatable: true,
  body: new WireWriter().string(id).int8(kind).finish(),
  decode: (from) => {
    from.throttle()
    return { errorCode: from.int16(), message: from.nullableString(), nodeId: from.int32() }
  },
})

export const leaveGroupV1 = (groupId: string, memberId: string): Request<number> => ({
  apiKey: 13,
  apiVersion: 1,
  apiName: 'LeaveGroup',
  isRepeatable: true,
  body: new WireWriter().string(groupId).string(memberId).finish(),
  decode: (from) => {
    from.throttle()
    return from.int16()
  },
})

export const offsetCommitV5 = (
  { groupId, generation, memberId }: GroupIdentity,
  offsets: readonly (PartitionOffset & { readonly metadata: string })[],
): Request<readonly PartitionError[]> => {
  const to = new WireWriter().string(groupId).int32(generation).string(memberId)
  to.array(byTopic(offsets), ([topic, items]) => {
    to.string(topic).array(items, ({ partition, offset, metadata }) => to.int32(partition).int64(offset).string(metadata))
  })
  return {
    apiKey: 8,
    apiVersion: 5,
    apiName: 'OffsetCommit',
    body: to.finish(),
    decode: (from) => {
      from.throttle()
      return readPartitions(from, (at) => ({ ...at, errorCode: from.int16() }))
    },
  }
}

export interface FetchedOffsets {
  readonly errorCode: number
  readonly partitions: readonly (PartitionError & PartitionOffset & { readonly metadata: string })[]
}

/** Only stable offsets: those of an open transaction are an error of their partition (KIP-447). */
export const offsetFetchV7 = (groupId: string, partitions: readonly TopicPartition[]): Request<FetchedOffsets> => {
  // kafkajs writes a header without tags, so the one of this version ends here.
  const to = new WireWriter().noTags().compactString(groupId)
  to.compactArray(byTopic(partitions), ([topic, items]) => {
    to.compactString(topic)
      .compactArray(items, ({ partition }) => to.int32(partition))
      .noTags()
  })
  return {
    apiKey: 9,
    apiVersion: 7,
    apiName: 'OffsetFetch',
    isRepeatable: true,
    body: to.int8(1).noTags().finish(),
    decode: (from) => {
      from.tags()
      from.throttle()
      const found = compactPartitions(from, (at) => {
        const offset = from.int64()
        from.int32() // leader epoch
        const metadata = from.compactString()
        const errorCode = from.int16()
        from.tags()
        return { ...at, offset, metadata, errorCode }
      })
      return { partitions: found, errorCode: from.int16() }
    },
  }
}

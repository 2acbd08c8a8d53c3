import type { CommittedOffset, TopicPartition } from '../port.js'
import type { ProducerId } from './lane.js'
import { broker } from './error-codes.js'
import type { GroupIdentity } from './group-requests.js'
import { byTopic, compactPartitions, readPartitions, type PartitionError, type Request } from './requests.js'
import { WireWriter } from './wire.js'

/** Who has a transaction open. */
export interface Writer extends ProducerId {
  readonly transactionalId: string
  readonly isTransactional: true
}

const signed = ({ transactionalId, producerId, producerEpoch }: Writer): WireWriter =>
  new WireWriter().string(transactionalId).bigint64(producerId).int16(producerEpoch)

export const addPartitionsToTxnV1 = (writer: Writer, partitions: readonly TopicPartition[]): Request<readonly PartitionError[]> => {
  const to = signed(writer)
  to.array(byTopic(partitions), ([topic, items]) => {
    to.string(topic).array(items, ({ partition }) => to.int32(partition))
  })
  return {
    apiKey: 24,
    apiVersion: 1,
    apiName: 'AddPartitionsToTxn',
    body: to.finish(),
    decode: (from) => {
      from.throttle()
      return readPartitions(from, (at) => ({ ...at, errorCode: from.int16() }))
    },
  }
}

export const addOffsetsToTxnV1 = (writer: Writer, groupId: string): Request<number> => ({
  apiKey: 25,
  apiVersion: 1,
  apiName: 'AddOffsetsToTxn',
  body: signed(writer).string(groupId).finish(),
  decode: (from) => {
    from.throttle()
    return from.int16()
  },
})

/** What is to be aborted is, by the next InitProducerId, but for what has to be aborted once more. */
export const endTxnV1 = (writer: Writer, commits = true): Request<number> => ({
  apiKey: 26,
  apiVersion: 1,
  apiName: 'EndTxn',
  body: signed(writer)
    .int8(commits ? 1 : 0)
    .finish(),
  decode: (from) => {
    from.throttle()
    return from.int16()
  },
})

export interface TransactionState {
  readonly errorCode: number
  /** `Ongoing`, `PrepareCommit`, `CompleteCommit`, ... (KIP-664). */
  readonly state: string
  readonly producerId: bigint
}

/** How the last transaction of a writer stands. */
export const describeTransactionV0 = (transactionalId: string): Request<TransactionState> => {
  const to = new WireWriter().noTags() // the end of the header, as below
  to.compactArray([transactionalId], (id) => to.compactString(id))
  return {
    apiKey: 65,
    apiVersion: 0,
    apiName: 'DescribeTransactions',
    isRepeatable: true,
    body: to.noTags().finish(),
    decode: (from) => {
      from.tags()
      from.throttle()
      const [found] = from.compactArray(() => {
        const errorCode = from.int16()
        from.compactString() // its id
        const state = from.compactString()
        from.int32() // its timeout
        from.int64() // its start
        return { errorCode, state, producerId: from.bigint64() }
        // Its epoch and what takes part in it follow, of the only one that was asked for.
      })
      return found ?? { errorCode: broker.unknown, state: '', producerId: -1n }
    },
  }
}

/** With member and generation, so that the coordinator refuses a zombie (KIP-447). */
export const txnOffsetCommitV3 = (
  { transactionalId, producerId, producerEpoch }: Writer,
  { groupId, generation, memberId }: GroupIdentity,
  offsets: readonly CommittedOffset[],
): Request<readonly PartitionError[]> => {
  // kafkajs writes a header without tags, so the one of this version ends here.
  const to = new WireWriter().noTags().compactString(transactionalId).compactString(groupId)
  to.bigint64(producerId).int16(producerEpoch).int32(generation).compactString(memberId).compactString(null)
  to.compactArray(byTopic(offsets), ([topic, items]) => {
    to.compactString(topic)
      .compactArray(items, ({ partition, offset, metadata }) => {
        to.int32(partition).int64(offset).int32(-1).compactString(metadata).noTags()
      })
      .noTags()
  })
  return {
    apiKey: 28,
    apiVersion: 3,
    apiName: 'TxnOffsetCommit',
    body: to.noTags().finish(),
    decode: (from) => {
      from.tags()
      from.throttle()
      return compactPartitions(from, (at) => {
        const errorCode = from.int16()
        from.tags()
        return { ...at, errorCode }
      })
    },
  }
}

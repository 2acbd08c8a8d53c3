import { open, type Database } from 'lmdb'
import { MillraceError } from '../../core/errors.js'
import { readInt64, writeInt64 } from '../batch/header.js'
import type { Bounds, GroupOffset, LogStorage, PartitionRef, StoredBatch, StoredTopic } from './storage.js'

// LMDB's own flushing: this file is the only place where the records are. Named databases only, synchronous transactions only.
const environment = { noMemInit: true, maxDbs: 8, maxReaders: 126, noSubdir: false, encoding: 'binary', keyEncoding: 'binary' } as const
const binary = { encoding: 'binary', keyEncoding: 'binary' } as const
type Bytes = Database<Buffer, Buffer>

/** The log in an LMDB environment: `batches`, `bounds`, `topics`, `offsets`. The caller holds the lock of the folder. */
export const lmdbStorage = (folder: string): LogStorage => {
  const root = open<Buffer, Buffer>({ ...environment, path: folder })
  const batches: Bytes = root.openDB('batches', binary)
  const bounds: Bytes = root.openDB('bounds', binary)
  const topics: Bytes = root.openDB('topics', binary)
  const offsets: Bytes = root.openDB('offsets', binary)
  return {
    transact: (write) => {
      try {
        root.transactionSync(write)
      } catch (error) {
        throw new MillraceError('MR_STATE_WRITE', `the log in ${folder} could not be written`, { cause: error })
      }
    },
    topics: () => valuesOf(topics).map((value) => JSON.parse(value) as StoredTopic), // written by putTopic
    putTopic: (topic) => void topics.putSync(Buffer.from(topic.name), toJson(topic)),
    offsets: () => valuesOf(offsets).map((value) => JSON.parse(value) as GroupOffset), // written by putOffset
    putOffset: (offset) => void offsets.putSync(offsetKey(offset), toJson(offset)),
    bounds: (at) => {
      const value = bounds.getBinary(partitionKey(at))
      return value && (JSON.parse(value.toString()) as Bounds) // written by putBounds
    },
    putBounds: (at, value) => void bounds.putSync(partitionKey(at), toJson(value)),
    batches: (at) => {
      const next = { topicId: at.topicId, partition: at.partition + 1 }
      return [...batches.getKeys({ start: partitionKey(at), end: partitionKey(next) })].map(batchOf)
    },
    read: (at, batch) => batches.getBinary(batchKey(at, batch)),
    putBatch: (at, batch, bytes) => void batches.putSync(batchKey(at, batch), bytes),
    removeBatch: (at, batch) => void batches.removeSync(batchKey(at, batch)),
    // Closes before it returns: its promise waits only for asynchronous writes, of which there are none.
    close: () => void root.close(),
  }
}

const toJson = (value: object): Buffer => Buffer.from(JSON.stringify(value))

const valuesOf = (db: Bytes): string[] => [...db.getRange()].map(({ value }) => value.toString())

const offsetKey = ({ groupId, topic, partition }: GroupOffset): Buffer => Buffer.from(JSON.stringify([groupId, topic, partition]))

const partitionKey = ({ topicId, partition }: PartitionRef): Buffer => {
  const key = Buffer.alloc(8)
  key.writeUInt32BE(topicId, 0)
  key.writeUInt32BE(partition, 4)
  return key
}

/** All that the log must know of a batch is in its key, so a log is opened without reading a record. */
const batchKey = (at: PartitionRef, batch: StoredBatch): Buffer => {
  const key = Buffer.alloc(36)
  partitionKey(at).copy(key)
  writeInt64(key, batch.baseOffset, 8)
  writeInt64(key, batch.lastOffset, 16)
  writeInt64(key, batch.maxTimestamp, 24)
  key.writeUInt32BE(batch.byteLength, 32)
  return key
}

const batchOf = (key: Buffer): StoredBatch => ({
  baseOffset: readInt64(key, 8),
  lastOffset: readInt64(key, 16),
  maxTimestamp: readInt64(key, 24),
  byteLength: key.readUInt32BE(32),
})

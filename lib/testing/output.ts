import { plainRecord, Rec, type KRecord, type RawRecord } from '../core/record.js'
import type { Topic } from '../topology/topic.js'
import { readBatch } from '../transport/batch/reader.js'
import type { Log } from '../transport/embedded/log.js'
import type { PartitionOffset } from '../transport/port.js'
import { drawMarbles, marblesOf, type MarbleNames } from './marbles.js'

/**
 * Where a test reads what came out. One cursor per topic and context.
 * @since 0.1.0
 */
export interface TestOutput<K, V> {
  /** What has been written since the last read, in order per partition. */
  read(): readonly KRecord<K, V | null>[]
  /** The values of `read()`. */
  values(): readonly (V | null)[]
  /** `read()` as a marble diagram, in order of event time; a record that no name stands for is a `?`; `toMatchMarbles` tells what it is. */
  toMarbles(names: MarbleNames<K, V>): string
  /** The last value of each key, over all that was ever written; deleted keys are left out. */
  toMap(): ReadonlyMap<K, V>
}

const cursors = new WeakMap<Log, Map<string, number>>()

export const createOutput = <K, V>(topic: Topic<K, V>, log: Log): TestOutput<K, V> => {
  let cursor = cursors.get(log)
  if (cursor === undefined) cursors.set(log, (cursor = new Map<string, number>()))
  const positions = cursor
  const decode = (raw: RawRecord): KRecord<K, V | null> => {
    const key = topic.key.decode(raw.key)
    return plainRecord(new Rec(key, raw.value === null ? null : topic.value.decode(raw.value), raw.timestamp, null, raw))
  }
  const read = (): readonly KRecord<K, V | null>[] => {
    const found: KRecord<K, V | null>[] = []
    for (let partition = 0; partition < partitionsOf(log, topic.name); partition++) {
      const key = `${topic.name}-${partition}`
      const raws = records(log, { topic: topic.name, partition, offset: positions.get(key) ?? 0 })
      for (const raw of raws) found.push(decode(raw))
      const last = raws[raws.length - 1]
      if (last) positions.set(key, last.offset + 1)
    }
    return found
  }
  const all = (): readonly KRecord<K, V | null>[] =>
    Array.from({ length: partitionsOf(log, topic.name) }, (_, partition) =>
      records(log, { topic: topic.name, partition, offset: 0 }),
    ).flatMap((raws) => raws.map(decode))
  return {
    read,
    toMarbles: (names) => drawMarbles(marblesOf(read(), names)),
    values: () => read().map(({ value }) => value),
    toMap: () => {
      const map = new Map<K, V>()
      for (const { key, value } of all()) {
        if (value === null) map.delete(key)
        else map.set(key, value)
      }
      return map
    },
  }
}

const partitionsOf = (log: Log, topic: string): number => log.topic(topic)?.partitions ?? 0

const records = (log: Log, at: PartitionOffset): RawRecord[] => {
  const partition = log.partition(at)
  const chunk = partition.chunk(Math.max(at.offset, partition.start), Infinity)
  return chunk ? chunk.batches.flatMap((batch) => readBatch(batch, at.offset, at)) : []
}

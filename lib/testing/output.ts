import { plainRecord, Rec, type KRecord, type RawRecord } from '../core/record.js'
import type { Topic } from '../topology/topic.js'
import type { MemoryLog } from '../transport/embedded/memory-log.js'

/**
 * Where a test reads what came out. One cursor per topic and context.
 * @since 0.1.0
 */
export interface TestOutput<K, V> {
  /** What has been written since the last read, in order per partition. */
  read(): readonly KRecord<K, V | null>[]
  /** The values of `read()`. */
  values(): readonly (V | null)[]
  /** The last value of each key, over all that was ever written; deleted keys are left out. */
  toMap(): ReadonlyMap<K, V>
}

const cursors = new WeakMap<MemoryLog, Map<string, number>>()

export const createOutput = <K, V>(topic: Topic<K, V>, log: MemoryLog): TestOutput<K, V> => {
  let cursor = cursors.get(log)
  if (cursor === undefined) cursors.set(log, (cursor = new Map<string, number>()))
  const positions = cursor
  const decode = (raw: RawRecord): KRecord<K, V | null> => {
    const key = topic.key.decode(raw.key)
    return plainRecord(new Rec(key, raw.value === null ? null : topic.value.decode(raw.value), raw.timestamp, null, raw))
  }
  const read = (): readonly KRecord<K, V | null>[] => {
    const records: KRecord<K, V | null>[] = []
    for (let partition = 0; partition < log.partitions(topic.name); partition++) {
      const key = `${topic.name}-${partition}`
      const found = log.records({ topic: topic.name, partition, offset: positions.get(key) ?? 0 })
      for (const raw of found) records.push(decode(raw))
      const last = found[found.length - 1]
      if (last) positions.set(key, last.offset + 1)
    }
    return records
  }
  const all = (): readonly KRecord<K, V | null>[] =>
    Array.from({ length: log.partitions(topic.name) }, (_, partition) => log.records({ topic: topic.name, partition, offset: 0 })).flatMap((raws) => raws.map(decode))
  return {
    read,
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

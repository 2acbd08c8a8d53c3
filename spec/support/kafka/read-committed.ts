import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { kafkaJars, kafkaVersions } from './jars.js'

export interface CommittedRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
}

const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']

/**
 * What Kafka's own Java client shows a read-committed reader of each topic, from its beginning, in the order of the topics: a judge
 * that shares no line with us.
 */
export const readCommitted = async (
  brokers: readonly string[],
  topics: readonly string[],
): Promise<readonly (readonly CommittedRecord[])[]> => {
  const jars = join(await kafkaJars(kafkaVersions.current), '*')
  const source = resolve(process.cwd(), 'spec/support/java/ReadCommitted.java')
  const java = spawn('java', [...jvm, '-cp', jars, source, brokers.join(','), ...topics], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(java, 'exit')
  const records = new Map<string, CommittedRecord[]>(topics.map((topic) => [topic, []]))
  for await (const line of createInterface(java.stdout)) {
    const [topic = '', partition, offset, key = '-', value = '-'] = line.split('\t')
    records.get(topic)?.push({ partition: Number(partition), offset: Number(offset), key: text(key), value: text(value) })
  }
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`the Java reader of ${topics.join(', ')} ended with ${String(code)}`)
  return topics.map((topic) => records.get(topic) ?? [])
}

const text = (field: string): string | null => (field === '-' ? null : Buffer.from(field, 'base64').toString())

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

/** What Kafka's own Java client shows a read-committed reader of a topic, from its beginning: a judge that shares no line with us. */
export const readCommitted = async (brokers: readonly string[], topic: string): Promise<readonly CommittedRecord[]> => {
  const jars = join(await kafkaJars(kafkaVersions.current), '*')
  const source = resolve(process.cwd(), 'spec/support/java/ReadCommitted.java')
  const java = spawn('java', ['-cp', jars, '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', source, brokers.join(','), topic], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(java, 'exit')
  const records: CommittedRecord[] = []
  for await (const line of createInterface(java.stdout)) {
    const [partition, offset, key = '-', value = '-'] = line.split('\t')
    records.push({ partition: Number(partition), offset: Number(offset), key: text(key), value: text(value) })
  }
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`the Java reader of ${topic} ended with ${String(code)}`)
  return records
}

const text = (field: string): string | null => (field === '-' ? null : Buffer.from(field, 'base64').toString())

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { mavenJars, kafkaVersions } from '../../spec/support/kafka/jars.js'
import { readBatch } from '../../lib/transport/batch/reader.js'
import type { Transport } from '../../lib/transport/port.js'
import { allPartitions, partitions, type Contest, type Report } from './contest.js'

export type PeerName = 'kafkajs' | 'codec-loop' | 'millrace' | 'streams'

export interface Outcome extends Report {
  /** From the first record to the append of the last output, by the broker's clock. */
  readonly seconds: number
}

/** Runs one peer in a process of its own until its outputs are all there and nothing more comes, and tells it to stop. */
export const race = async (transport: Transport, peer: PeerName, contest: Contest, outputs: number): Promise<Outcome> => {
  await transport.createTopics([{ name: contest.output, partitions, config: { 'message.timestamp.type': 'LogAppendTime' } }])
  const child = await start(peer, contest)
  const ended = once(child, 'exit')
  let heard: Report = {}
  createInterface(child.stdout).on('line', (line) => {
    heard = { ...heard, ...(JSON.parse(line) as Report) }
  })
  try {
    await Promise.race([finished(transport, contest.output, outputs), ended.then(([code]) => Promise.reject(died(peer, code)))])
  } finally {
    child.kill('SIGTERM')
    await ended
  }
  const { count, lastAt } = await readOutputs(transport, contest.output)
  if (count < outputs) throw new Error(`${peer} wrote ${count} records of ${outputs}`)
  return { ...heard, seconds: (lastAt - (heard.firstAt ?? NaN)) / 1000 }
}

const died = (peer: PeerName, code: unknown): Error => new Error(`${peer} ended early, with ${String(code)}`)

const start = async (peer: PeerName, contest: Contest) => {
  const argument = JSON.stringify(contest)
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  // `node --cpu-prof peers.bench.js join` profiles the peer, too.
  if (peer !== 'streams') return spawn(process.execPath, [...process.execArgv, join(__dirname, `${peer}.js`), argument], { stdio })
  const folder = join(process.cwd(), 'benchmarks/peers/streams')
  const jars = await mavenJars('streams', join(folder, 'pom.xml'), kafkaVersions.current)
  const jvm = ['-Xmx2g', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', join(jars, '*')]
  return spawn('java', [...jvm, join(folder, 'KafkaStreamsPeer.java'), argument], { stdio })
}

const pollMs = 100
const quietPolls = 15
/** Enough records, and none has come for a while: commit markers make offsets of a transactional peer run ahead. */
const finished = async (transport: Transport, topic: string, outputs: number): Promise<void> => {
  for (let last = 0, quiet = 0; quiet < quietPolls;) {
    await sleep(pollMs)
    const ends = await transport.listOffsets(allPartitions(topic), 'end')
    const sum = ends.reduce((total, { offset }) => total + offset, 0)
    quiet = sum === last && sum >= outputs ? quiet + 1 : 0
    last = sum
  }
}

/** Read-committed, with LogAppendTime as timestamps. */
const readOutputs = async (transport: Transport, topic: string): Promise<{ count: number; lastAt: number }> => {
  const ends = new Map((await transport.listOffsets(allPartitions(topic), 'stable')).map(({ partition, offset }) => [partition, offset]))
  const reader = transport.read(allPartitions(topic).map((at) => ({ ...at, offset: 0 })))
  let [count, lastAt] = [0, 0]
  for (const [partition, end] of ends) if (end === 0) ends.delete(partition)
  while (ends.size > 0) {
    for (const chunk of await reader.next()) {
      for (const batch of chunk.batches) {
        for (const { timestamp } of readBatch(batch, chunk.fetchOffset, chunk)) {
          count += 1
          if (timestamp > lastAt) lastAt = timestamp
        }
      }
      if (chunk.nextOffset >= (ends.get(chunk.partition) ?? 0)) ends.delete(chunk.partition)
    }
  }
  await reader.close()
  return { count, lastAt }
}

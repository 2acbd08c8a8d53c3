import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { handleOf, startCluster, type KafkaCluster, type KafkaHandle } from './broker.js'
import { exclusively } from './exclusively.js'
import type { KafkaVersion } from './jars.js'

/** Where the workers of one test run find the brokers that one of them has started. */
interface Run {
  readonly folder: string
  /** The brokers end with this process. */
  readonly owner: number
}

let ownRun: Run | null = null

/** As global-setup.cjs says; a run of this process's own where jest has none. */
const currentRun = (): Run => {
  const given = process.env['MILLRACE_KAFKA_RUN']
  if (given !== undefined) return JSON.parse(given) as Run // written by global-setup.cjs
  ownRun ??= { folder: mkdtempSync(join(tmpdir(), 'millrace-kafka-run-')), owner: process.pid }
  return ownRun
}

/** One broker of that version for the whole test run, started by whoever asks first. */
export const sharedKafka = async (version: KafkaVersion): Promise<KafkaHandle> => {
  const { folder, owner } = currentRun()
  const file = join(folder, `${version}.json`)
  return exclusively(`${file}.lock`, async () => {
    if (existsSync(file)) return handleOf(JSON.parse(readFileSync(file, 'utf8')) as KafkaCluster) // written three lines below
    const cluster = await startCluster({ version, owner })
    writeFileSync(file, JSON.stringify(cluster))
    return handleOf(cluster)
  })
}

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { exclusively } from './exclusively.js'

/** The newest line and the last one that also knew ZooKeeper. */
export const kafkaVersions = { current: '4.3.1', previous: '3.9.2' } as const
export type KafkaVersion = (typeof kafkaVersions)[keyof typeof kafkaVersions]

const home = (): string => process.env['MILLRACE_KAFKA_HOME'] ?? resolve(process.cwd(), 'node_modules/.cache/millrace-kafka')

/** The folder with the jars of one version, downloaded by Maven the first time. */
export const kafkaJars = (version: KafkaVersion): Promise<string> => mavenJars('lib', 'spec/support/kafka/pom.xml', version)

/** As `kafkaJars`, for any pom that leaves the version of Kafka open. */
export const mavenJars = async (name: string, pom: string, version: KafkaVersion): Promise<string> => {
  const folder = resolve(home(), `${name}-${version}`)
  if (existsSync(folder)) return folder
  mkdirSync(home(), { recursive: true })
  await exclusively(`${folder}.lock`, async () => {
    if (existsSync(folder)) return
    const partial = `${folder}.partial`
    rmSync(partial, { recursive: true, force: true })
    const file = resolve(process.cwd(), pom) // also where the benchmarks run, compiled elsewhere
    const goal = ['-q', '-B', '-f', file, 'dependency:copy-dependencies', '-DincludeScope=runtime']
    await promisify(execFile)('mvn', [...goal, `-Dkafka.version=${version}`, `-DoutputDirectory=${partial}`])
    renameSync(partial, folder)
  })
  return folder
}

/** Null when brokers can be started here; otherwise why not. */
export const whyNoKafka = (): string | null => {
  const java = spawnSync('java', ['-version'], { stdio: 'ignore' })
  if (java.status === 0) return null
  return 'there is no `java` on the PATH (17 or newer is needed) and KAFKA_BROKERS is not set'
}

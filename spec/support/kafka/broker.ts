import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { kafkaJars, kafkaVersions, type KafkaVersion } from './jars.js'
import { freePorts, isListening } from './ports.js'
import { nodeProperties, type Listener, type NodePorts } from './properties.js'

export interface KafkaOptions {
  readonly version?: KafkaVersion
  /** Default 1. */
  readonly nodes?: number
  /** Broker properties on top of the fast ones. */
  readonly props?: Readonly<Record<string, string>>
  /** Beside PLAINTEXT. */
  readonly listeners?: readonly Listener['protocol'][]
  /** Arguments of the storage tool, e.g. ['--add-scram', 'SCRAM-SHA-256=[name=alice,password=secret]']. */
  readonly format?: readonly string[]
  /** Of the heap and the compiler. Default: quick to start. */
  readonly jvm?: readonly string[]
  /** Outlives this process, and is stopped when the process `owner` ends. Default: this process. */
  readonly owner?: number
}

/** A running cluster, as it can be handed to another process. */
export interface KafkaCluster {
  readonly version: KafkaVersion
  readonly brokers: readonly string[]
  readonly folder: string
  readonly jars: string
  readonly ports: readonly NodePorts[]
  readonly pids: number[]
  readonly owner: number
  readonly jvm: readonly string[]
}

export interface KafkaHandle {
  /** Addresses of the PLAINTEXT listeners. */
  readonly brokers: string[]
  readonly version: string
  /** Addresses of another listener. */
  on(protocol: Listener['protocol']): string[]
  /** SIGKILL and SIGTERM resolve when the process is gone, SIGSTOP and SIGCONT at once. */
  kill(node: number, signal?: NodeJS.Signals): Promise<void>
  /** Starts a killed node again on its data; resolves when it serves. */
  restart(node: number): Promise<void>
  /** Kills all nodes and removes their data. */
  stop(): Promise<void>
}

const quickJvm = ['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const logTail = (cluster: KafkaCluster, node: number): string =>
  readFileSync(join(cluster.folder, `node-${node}.log`), 'utf8')
    .split('\n')
    .slice(-15)
    .join('\n')

/** The broker is killed when its owner is gone, however that ended. */
const tieTo = (owner: number, pid: number): void => {
  const watch = `while kill -0 ${owner} 2>/dev/null && kill -0 ${pid} 2>/dev/null; do sleep 1; done; kill -9 ${pid} 2>/dev/null`
  spawn('/bin/sh', ['-c', watch], { detached: true, stdio: 'ignore' }).unref()
}

const spawnNode = (cluster: KafkaCluster, node: number): void => {
  const log = openSync(join(cluster.folder, `node-${node}.log`), 'a')
  const args = [...cluster.jvm, quiet, '-cp', join(cluster.jars, '*'), 'kafka.Kafka', join(cluster.folder, `node-${node}.properties`)]
  const child = spawn('java', args, { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  child.unref()
  if (child.pid === undefined) throw new Error('java could not be started')
  cluster.pids[node] = child.pid
  tieTo(cluster.owner, child.pid)
}

const client = (brokers: readonly string[], retries: number): Kafka =>
  new Kafka({
    brokers: [...brokers],
    clientId: 'harness',
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 3000,
    retry: { retries, initialRetryTime: 50, maxRetryTime: 200, factor: 0.2, multiplier: 1.5 },
  })

const brokersUp = async (cluster: KafkaCluster): Promise<number> => {
  const alive = cluster.brokers.filter((_, node) => isAlive(cluster.pids[node] ?? 0))
  const admin = client(alive, 0).admin()
  try {
    await admin.connect()
    return (await admin.describeCluster()).brokers.length
  } catch {
    return 0
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

const ready = async (cluster: KafkaCluster): Promise<void> => {
  const expected = cluster.pids.filter(isAlive).length
  for (let tries = 0; tries < 1200; tries += 1) {
    cluster.pids.forEach((pid, node) => {
      if (expected === cluster.pids.length && !isAlive(pid)) throw new Error(`Kafka node ${node} died:\n${logTail(cluster, node)}`)
    })
    const first = cluster.ports[cluster.pids.findIndex(isAlive)]?.listeners['PLAINTEXT']
    if (first !== undefined && (await isListening(first)) && (await brokersUp(cluster)) >= expected) return
    await sleep(50)
  }
  throw new Error(`Kafka is not ready after a minute:\n${logTail(cluster, 0)}`)
}

const untilDone = async (what: string, attempt: () => Promise<unknown>): Promise<void> => {
  for (let tries = 1; ; tries += 1) {
    try {
      await attempt()
      return
    } catch (error) {
      if (tries === 300) throw new Error(`Kafka does not ${what}`, { cause: error })
      await sleep(50)
    }
  }
}

/** `__consumer_offsets` and `__transaction_state` exist before the first test needs them. */
const warm = async (cluster: KafkaCluster): Promise<void> => {
  const kafka = client(cluster.brokers, 10)
  const admin = kafka.admin()
  const producer = kafka.producer({ transactionalId: 'warm', createPartitioner: () => () => 0 })
  try {
    await admin.connect()
    await untilDone('load the offsets of a group', () => admin.fetchOffsets({ groupId: 'warm', topics: [] }))
    await untilDone('begin a transaction', async () => {
      await producer.connect()
      await (await producer.transaction()).abort()
    })
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()])
  }
}

const format = async (cluster: KafkaCluster, node: number, extra: readonly string[]): Promise<void> => {
  const file = join(cluster.folder, `node-${node}.properties`)
  const args = [
    ...quickJvm,
    quiet,
    '-cp',
    join(cluster.jars, '*'),
    'kafka.tools.StorageTool',
    'format',
    '-t',
    clusterId,
    '-c',
    file,
    ...extra,
  ]
  await promisify(execFile)('java', args)
}

/** Formats, starts and warms a cluster; nobody has to hold on to this process for it to live. */
export const startCluster = async (options: KafkaOptions = {}): Promise<KafkaCluster> => {
  const version = options.version ?? kafkaVersions.current
  const names = ['PLAINTEXT', ...(options.listeners ?? [])]
  const nodes = options.nodes ?? 1
  const free = await freePorts(nodes * (names.length + 1))
  const ports = Array.from({ length: nodes }, (_, node): NodePorts => {
    const [controller = 0, ...own] = free.slice(node * (names.length + 1), (node + 1) * (names.length + 1))
    return { controller, listeners: Object.fromEntries(names.map((name, at) => [name, own[at] ?? 0])) }
  })
  const folder = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
  const brokers = ports.map((node) => `127.0.0.1:${node.listeners['PLAINTEXT']}`)
  const cluster: KafkaCluster = {
    version,
    brokers,
    folder,
    jars: await kafkaJars(version),
    ports,
    pids: [],
    owner: options.owner ?? process.pid,
    jvm: options.jvm ?? quickJvm,
  }
  ports.forEach((_, node) =>
    writeFileSync(join(folder, `node-${node}.properties`), nodeProperties(folder, node, ports, options.props ?? {})),
  )
  await Promise.all(ports.map((_, node) => format(cluster, node, options.format ?? [])))
  ports.forEach((_, node) => spawnNode(cluster, node))
  await ready(cluster)
  await warm(cluster)
  return cluster
}

const kill = async (cluster: KafkaCluster, node: number, signal: NodeJS.Signals): Promise<void> => {
  const pid = cluster.pids[node]
  if (pid === undefined || !isAlive(pid)) return
  process.kill(pid, signal)
  if (signal === 'SIGSTOP' || signal === 'SIGCONT') return
  while (isAlive(pid)) await sleep(20)
}

const stopCluster = async (cluster: KafkaCluster): Promise<void> => {
  await Promise.all(cluster.pids.map((_, node) => kill(cluster, node, 'SIGKILL')))
  rmSync(cluster.folder, { recursive: true, force: true })
}

export const handleOf = (cluster: KafkaCluster): KafkaHandle => ({
  brokers: [...cluster.brokers],
  version: cluster.version,
  on: (protocol) => cluster.ports.map((node) => `127.0.0.1:${node.listeners[protocol]}`),
  kill: (node, signal = 'SIGKILL') => kill(cluster, node, signal),
  restart: async (node) => {
    spawnNode(cluster, node)
    await ready(cluster)
  },
  stop: () => stopCluster(cluster),
})

/** A cluster of the caller's own, for specs that break it. */
export const startKafka = async (options: KafkaOptions = {}): Promise<KafkaHandle> => handleOf(await startCluster(options))

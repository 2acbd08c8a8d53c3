import { join } from 'node:path'

export interface Listener {
  /** E.g. SASL_PLAINTEXT: the name and the security protocol. */
  readonly protocol: 'PLAINTEXT' | 'SASL_PLAINTEXT' | 'SSL' | 'SASL_SSL'
}
export interface NodePorts {
  readonly controller: number
  /** By listener; PLAINTEXT is always there and is the one brokers talk on. */
  readonly listeners: Readonly<Record<string, number>>
}

/** What makes a broker quick to start, quick to compact, and quick to notice that a member or a node is gone. */
const fastTests = (nodes: number): Readonly<Record<string, string>> => ({
  'auto.create.topics.enable': 'false',
  'num.partitions': '4',
  'default.replication.factor': String(Math.min(3, nodes)),
  'min.insync.replicas': nodes >= 3 ? '2' : '1',
  'offsets.topic.replication.factor': String(Math.min(3, nodes)),
  'offsets.topic.num.partitions': '3',
  'transaction.state.log.replication.factor': String(Math.min(3, nodes)),
  'transaction.state.log.min.isr': nodes >= 3 ? '2' : '1',
  'transaction.state.log.num.partitions': '3',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  // Specs write records of 1970, which the default of a week would remove a second later.
  'log.retention.ms': '-1',
  'log.retention.check.interval.ms': '1000',
  'log.segment.delete.delay.ms': '1000',
  'log.cleaner.backoff.ms': '200',
  'log.cleaner.min.cleanable.ratio': '0.01',
  'log.cleaner.dedupe.buffer.size': '4194304',
  'num.network.threads': '2',
  'num.io.threads': '4',
  'background.threads': '2',
})

const addresses = (ports: NodePorts): string =>
  Object.entries(ports.listeners)
    .map(([name, port]) => `${name}://127.0.0.1:${port}`)
    .join(',')

/** The text of one node's properties file. The same for 3.9 and 4.x. */
export const nodeProperties = (
  folder: string,
  index: number,
  ports: readonly NodePorts[],
  own: Readonly<Record<string, string>>,
): string => {
  const mine = ports[index]
  if (mine === undefined) throw new Error(`there is no node ${index}`)
  const names = Object.keys(mine.listeners)
  const all = {
    'process.roles': 'broker,controller',
    'node.id': String(index + 1),
    'controller.quorum.voters': ports.map((node, at) => `${at + 1}@127.0.0.1:${node.controller}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    listeners: `${addresses(mine)},CONTROLLER://127.0.0.1:${mine.controller}`,
    'advertised.listeners': addresses(mine),
    'listener.security.protocol.map': ['CONTROLLER:PLAINTEXT', ...names.map((name) => `${name}:${name}`)].join(','),
    'log.dirs': join(folder, `data-${index}`),
    ...fastTests(ports.length),
    ...own,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

import { MillraceError } from '../core/errors.js'
import type { RepartitionNode, SinkNode } from '../topology/node.js'
import type { AnyRec } from '../topology/operator.js'
import type { SubTopology } from '../topology/plan.js'
import type { Inlet } from './outlet.js'
import type { Services } from './services.js'
import { openSink, type Destination } from './sink.js'
import type { Task } from './task.js'

/** Opens the writing half of a sink node, or of a repartition node of the sub-topology's `writes`. */
export const openDestination = (node: SinkNode | RepartitionNode, sub: SubTopology, task: Task, services: Services): Inlet =>
  openSink(node.kind === 'sink' ? sinkOf(node) : repartitionOf(node, sub), {
    task: task.context,
    outbox: task.outbox,
    partitionsOf: (topic) => services.topicInfo(topic)?.partitions,
    discover: services.discover,
    failProduce: (failure) => services.failures.handle({ ...failure, stage: 'produce', outbox: task.outbox }),
    onProduced: (count) => (services.counters.recordsOut += count),
  })

const sinkOf = ({ label, to }: SinkNode): Destination => ({
  label,
  to: typeof to === 'function' ? (record: AnyRec) => to(record.value, record) : to,
  needsKey: false,
})

const repartitionOf = (node: RepartitionNode, sub: SubTopology): Destination => {
  const write = sub.writes.find((candidate) => candidate.node === node)
  if (write === undefined) throw new MillraceError('MR_CONFIG', `repartition ${node.name} is written by another sub-topology`)
  const { topic, keepsNullKeys, partitioner } = write
  return {
    label: node.label,
    to: { name: topic, key: node.key, value: node.value, partition: partitioner ?? undefined },
    needsKey: !keepsNullKeys,
  }
}

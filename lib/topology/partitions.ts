import { MillraceError } from '../core/errors.js'
import type { NewTopic } from '../transport/port.js'
import { inputsAbove } from './cut.js'
import type { Node, Partitioner, SinkTopic, SourceTopic } from './node.js'
import { partitionCounts, type FoundTopics, type PartitionCounts } from './partition-counts.js'
import type { Plan, SubTopology } from './sub-topology.js'

export { partitionCounts, type FoundTopics, type PartitionCounts } from './partition-counts.js'

/** The topics of the user's that the plan names: inputs, outputs that are not chosen per record, global tables. */
export const userTopics = (plan: Plan): readonly (SourceTopic | SinkTopic)[] => {
  const nodes = plan.subTopologies.flatMap((sub) => sub.nodes)
  const read = nodes.filter((node) => node.kind === 'source').map(({ topic }) => topic)
  const written = nodes.filter((node) => node.kind === 'sink').map(({ to }) => to)
  return [...read, ...written.filter((to) => typeof to !== 'function'), ...plan.globals.map(({ topic }) => topic)]
}

/**
 * What the user's topics lack, to be created before the plan is checked: those whose descriptor declares `partitions`;
 * with `otherwise` (the embedded log) any, with that many. Throws `MR_TOPIC_MISSING` for others.
 */
export const missingTopics = (plan: Plan, found: FoundTopics, otherwise: number | null): readonly NewTopic[] => {
  const missing = new Map<string, NewTopic>()
  const topics = userTopics(plan).filter(({ name }) => !found.has(name))
  for (const { name, partitions, config } of topics) {
    const known = missing.get(name)
    const declared = partitions ?? known?.partitions
    if (declared !== undefined) missing.set(name, { name, partitions: declared, config: config ?? known?.config ?? {} })
  }
  for (const { name, config } of topics) {
    if (missing.has(name)) continue
    if (otherwise === null) throw missingTopic(plan, name)
    missing.set(name, { name, partitions: otherwise, config: config ?? {} })
  }
  return [...missing.values()]
}

const missingTopic = (plan: Plan, name: string): MillraceError =>
  new MillraceError('MR_TOPIC_MISSING', `topic ${name}, which app ${plan.appId} needs, does not exist`)

/**
 * The checks that need the broker's answer, for the user's topics and for internal ones that exist already.
 * Throws `MR_TOPIC_MISSING`, `MR_TOPIC_PARTITIONS`, `MR_CO_PARTITIONING`.
 */
export const checkPartitions = (plan: Plan, found: FoundTopics): void => {
  for (const { name, partitions } of userTopics(plan)) {
    const topic = found.get(name)
    if (topic === undefined) throw missingTopic(plan, name)
    if (partitions === undefined || partitions === topic.partitions) continue
    throw new MillraceError(
      'MR_TOPIC_PARTITIONS',
      `topic ${name} has ${topic.partitions} partitions, and its descriptor declares ${partitions}`,
    )
  }
  const counts = partitionCounts(plan, found)
  for (const sub of plan.subTopologies) {
    for (const { topic } of sub.inputs) checkInternal(topic, counts.get(topic) ?? 0, found)
    for (const { changelog } of sub.stores.filter((store) => hasChangelog(store, found)))
      checkInternal(changelog, taskCount(sub, counts), found)
  }
}

const checkInternal = (topic: string, partitions: number, found: FoundTopics): void => {
  const existing = found.get(topic)
  if (existing === undefined || existing.partitions === partitions) return
  throw new MillraceError(
    'MR_TOPIC_PARTITIONS',
    `internal topic ${topic} has ${existing.partitions} partitions, and the topology asks for ${partitions}`,
  )
}

/** A store of the rows of a compacted topic is restored from that topic; any other has a changelog. */
export const hasChangelog = (store: { readonly source: SourceTopic | null }, found: FoundTopics): boolean =>
  store.source === null || found.get(store.source.name)?.isCompacted !== true

/** How many tasks a sub-topology has: as many as its largest input has partitions. */
export const taskCount = (sub: SubTopology, counts: PartitionCounts): number =>
  Math.max(0, ...sub.inputs.map(({ topic }) => counts.get(topic) ?? 0))

/** How the rows of a store are spread: over as many partitions as the inputs above its owner have, by their partitioner. */
export const rowsPartitioning = (
  plan: Plan,
  owner: Node,
  counts: PartitionCounts,
): { readonly partitions: number; readonly partitioner: Partitioner | null } => {
  const [input] = inputsAbove(owner)
  if (input?.kind === 'source') return { partitions: counts.get(input.topic.name) ?? 0, partitioner: input.topic.partition ?? null }
  const write = plan.subTopologies.flatMap(({ writes }) => writes).find(({ node }) => node === input)
  return { partitions: counts.get(write?.topic ?? '') ?? 0, partitioner: write?.partitioner ?? null }
}

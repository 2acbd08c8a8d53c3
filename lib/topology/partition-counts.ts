import { MillraceError } from '../core/errors.js'
import type { TopicInfo } from '../transport/port.js'
import { inputsAbove } from './cut.js'
import { repartitionTopic } from './names.js'
import type { RepartitionNode } from './node.js'
import type { Plan } from './sub-topology.js'

/** What `Transport.describeTopics` answers. */
export type FoundTopics = ReadonlyMap<string, TopicInfo>

/** Of the inputs, repartition topics included, by topic. A source that does not exist has 0. */
export type PartitionCounts = ReadonlyMap<string, number>

/**
 * A repartition topic has as many partitions as `repartition({ partitions })` says; else as what it is joined with; else as
 * the largest source above it. Throws `MR_CO_PARTITIONING` when topics that must have equal counts have not.
 */
export const partitionCounts = (plan: Plan, found: FoundTopics): PartitionCounts => {
  const repartitions = new Map(plan.subTopologies.flatMap(({ writes }) => writes.map(({ topic, node }) => [topic, node] as const)))
  const inputs = plan.subTopologies.flatMap((sub) => sub.inputs.map(({ topic }) => topic))
  const sets = plan.subTopologies.flatMap((sub) => sub.copartitioned)
  const alone = inputs.filter((topic) => !sets.some((set) => set.includes(topic))).map((topic) => [topic])
  const counts = new Map<string, number>()
  for (const topic of inputs) {
    const repartition = repartitions.get(topic)
    const count = repartition ? repartition.partitions : (found.get(topic)?.partitions ?? 0)
    if (count !== null) counts.set(topic, count)
  }
  settle([...sets, ...alone], repartitions, counts, plan.appId)
  for (const set of sets) checkEqual(set, counts)
  return counts
}

/** Gives every set a count: that of a member that has one, else the largest above, once that is known. */
const settle = (
  sets: readonly (readonly string[])[],
  repartitions: ReadonlyMap<string, RepartitionNode>,
  counts: Map<string, number>,
  appId: string,
): void => {
  const give = (set: readonly string[], count: number) => set.forEach((topic) => !counts.has(topic) && counts.set(topic, count))
  for (const set of sets) {
    const known = set.find((topic) => counts.has(topic))
    if (known !== undefined) give(set, counts.get(known) ?? 0)
  }
  let open = sets.filter((set) => set.some((topic) => !counts.has(topic)))
  while (open.length > 0) {
    const above = open.map((set) => ({ set, topics: topicsAbove(set, repartitions, appId).filter((topic) => !set.includes(topic)) }))
    // When none is ready they feed each other: the first goes by what is known of its inputs.
    const next = above.find(({ topics }) => topics.every((topic) => counts.has(topic))) ?? above[0]
    if (next === undefined) return
    give(next.set, Math.max(0, ...next.topics.map((topic) => counts.get(topic) ?? 0)))
    open = open.filter((set) => set !== next.set)
  }
}

const topicsAbove = (set: readonly string[], repartitions: ReadonlyMap<string, RepartitionNode>, appId: string): readonly string[] =>
  set.flatMap((topic) => {
    const node = repartitions.get(topic)
    const inputs = node ? [...inputsAbove(node.parents[0].node)] : []
    return inputs.map((input) => (input.kind === 'source' ? input.topic.name : repartitionTopic(appId, input.name)))
  })

const checkEqual = (set: readonly string[], counts: PartitionCounts): void => {
  if (new Set(set.map((topic) => counts.get(topic))).size <= 1) return
  const listed = set.map((topic) => `${topic} has ${counts.get(topic) ?? 0}`).join(', ')
  throw new MillraceError('MR_CO_PARTITIONING', `topics whose keys meet must have one number of partitions, but ${listed}`)
}

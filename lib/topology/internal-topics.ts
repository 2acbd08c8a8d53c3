import type { NewTopic } from '../transport/port.js'
import { changelogTopic, deadLetterTopic } from './names.js'
import { hasChangelog, partitionCounts, taskCount, type FoundTopics, type PartitionCounts } from './partitions.js'
import { deadLettersOf, type ErrorPolicy } from './policy.js'
import type { Plan } from './sub-topology.js'

/** Event times come from records, however old or new they are; 4.x brokers refuse times more than an hour ahead by default. */
const eventTime = { 'message.timestamp.type': 'CreateTime', 'message.timestamp.after.max.ms': '9223372036854775807' }

export const repartitionConfig: Readonly<Record<string, string>> = Object.freeze({
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  ...eventTime,
})
export const changelogConfig: Readonly<Record<string, string>> = Object.freeze({ 'cleanup.policy': 'compact', ...eventTime })
/** When it was set aside; the record's own time is in a header. */
export const deadLetterConfig: Readonly<Record<string, string>> = Object.freeze({ 'message.timestamp.type': 'LogAppendTime' })

/**
 * All topics the app owns, with the number of partitions each must have, whether they exist or not. `onError` is the policy
 * of the app. Call `checkPartitions` first: it compares what exists. Throws `MR_CO_PARTITIONING`.
 */
export const internalTopics = (plan: Plan, found: FoundTopics, onError: ErrorPolicy): readonly NewTopic[] => {
  const counts = partitionCounts(plan, found)
  const ofTasks = plan.subTopologies.flatMap((sub) => [
    ...sub.writes.map(({ topic }) => ({ name: topic, partitions: counts.get(topic) ?? 0, config: repartitionConfig })),
    ...sub.stores
      .filter((store) => hasChangelog(store, found))
      .map(({ spec }) => ({ name: changelogTopic(plan.appId, spec.name), partitions: taskCount(sub, counts), config: changelogConfig })),
  ])
  return [...ofTasks, ...deadLetters(plan, counts, onError)]
}

/** A dead letter goes to the partition its record came from, so there are as many as the largest input that may send one has. */
const deadLetters = (plan: Plan, counts: PartitionCounts, onError: ErrorPolicy): readonly NewTopic[] => {
  const partitions = new Map<string, number>()
  for (const { topic, options } of plan.subTopologies.flatMap((sub) => sub.inputs)) {
    for (const name of deadLettersOf(options?.onError ?? onError)) {
      const full = name ?? deadLetterTopic(plan.appId)
      partitions.set(full, Math.max(partitions.get(full) ?? 0, counts.get(topic) ?? 0))
    }
  }
  return [...partitions].map(([name, count]) => ({ name, partitions: count, config: deadLetterConfig }))
}

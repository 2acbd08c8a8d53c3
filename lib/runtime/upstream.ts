import type { Plan } from '../topology/plan.js'
import type { PartitionCounts } from '../topology/partitions.js'
import type { Member, TopicPartition, Transport } from '../transport/port.js'

export interface UpstreamContext {
  readonly plan: Plan
  readonly counts: PartitionCounts
  readonly transport: Transport
  readonly member: () => Member
}

/**
 * Whether nothing is on its way any more to inputs that the app writes itself: the group has committed all of what feeds them, and
 * they have been read to the end they have after that.
 */
export const isFedUp = async (
  { plan, counts, transport, member }: UpstreamContext,
  inputs: readonly (TopicPartition & { readonly nextOffset: number })[],
): Promise<boolean> => {
  const written = inputs.filter(({ topic }) => writerOf(plan, topic) !== undefined)
  if (written.length === 0) return true
  const feeding = [...new Set(written.flatMap(({ topic }) => sourcesAbove(plan, topic)))]
  const partitions = feeding.flatMap((topic) => Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })))
  const ends = await transport.listOffsets(partitions, 'stable')
  const committed = await member().committed(partitions)
  const isCommitted = ends.every(
    ({ topic, partition, offset }) =>
      offset === 0 || committed.some((one) => one.topic === topic && one.partition === partition && one.offset >= offset),
  )
  if (!isCommitted) return false
  const own = await transport.listOffsets(written, 'stable')
  return own.every(({ topic, partition, offset }) =>
    written.some((input) => input.topic === topic && input.partition === partition && input.nextOffset >= offset),
  )
}

const writerOf = (plan: Plan, topic: string) => plan.subTopologies.find(({ writes }) => writes.some((write) => write.topic === topic))

/** The inputs of whoever writes the topic, and of whoever writes those. */
const sourcesAbove = (plan: Plan, topic: string): readonly string[] => {
  const found = new Set<string>()
  const visit = (written: string): void => {
    for (const input of writerOf(plan, written)?.inputs ?? []) {
      if (found.has(input.topic)) continue
      found.add(input.topic)
      visit(input.topic)
    }
  }
  visit(topic)
  return [...found]
}

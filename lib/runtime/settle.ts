import type { PartitionOffset, Transport } from '../transport/port.js'
import type { Assignment } from './assignment.js'
import type { Signal } from './signal.js'

export interface SettleContext {
  readonly transport: Transport
  readonly assignment: Assignment
  readonly progress: Signal
  readonly commit: () => Promise<void>
}

/**
 * Rounds over the inputs of this instance, sources and repartition topics, until a round finds nothing new and all is
 * committed: what one task writes another may have to read.
 */
export const settle = async (context: SettleContext): Promise<void> => {
  for (let before = null as string | null; ; ) {
    await context.assignment.settle()
    const ends = await endsOf(context)
    await reach(context, ends)
    await context.commit()
    const isQuiet = context.assignment.running.every((task) => task.isCommitted)
    const found = JSON.stringify(ends)
    if (isQuiet && found === before) return
    before = found
  }
}

const endsOf = ({ assignment, transport }: SettleContext): Promise<readonly PartitionOffset[]> => {
  const partitions = assignment.running.flatMap((task) => task.inputs.map(({ input }) => input.at))
  return partitions.length === 0 ? Promise.resolve([]) : transport.listOffsets(partitions, 'stable')
}

const reach = async ({ assignment, progress }: SettleContext, ends: readonly PartitionOffset[]): Promise<void> => {
  const isBehind = () => {
    const wanted = new Map(ends.map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset]))
    return assignment.running.some((task) => task.inputs.some(({ input }) => !input.isFinished && input.frontier.offset < (wanted.get(`${input.at.topic}-${input.at.partition}`) ?? 0)))
  }
  while (isBehind()) await progress.wait()
}

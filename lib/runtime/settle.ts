import { isMillraceError } from '../core/errors.js'
import type { PartitionOffset, Transport } from '../transport/port.js'
import type { Assignment } from './assignment.js'
import type { Signal } from './signal.js'
import type { Task } from './task.js'

export interface SettleContext {
  readonly transport: Transport
  readonly assignment: Assignment
  readonly progress: Signal
  /** False while tasks are handed on or restored: then there is nothing to be settled about. */
  readonly isRunning: () => boolean
  /** After each round. */
  readonly commit: () => Promise<void>
  /** Nothing is left to do for it. */
  readonly isQuiet: (task: Task) => boolean
}

type Ends = ReadonlyMap<string, number>

/**
 * Rounds over the inputs of this instance, sources and repartition topics, until a round finds nothing new: what one task
 * writes another may have to read.
 */
export const settle = async (context: SettleContext): Promise<void> => {
  for (let before = null as string | null; ;) {
    await runs(context)
    const ends = await endsOf(context)
    await reach(context, new Map(ends.map((end) => [keyOf(end), end.offset])))
    const isCommitted = await commit(context)
    const found = JSON.stringify(ends)
    if (isCommitted && found === before && context.isRunning() && context.assignment.running.every(context.isQuiet)) return
    before = found
  }
}

const runs = async ({ assignment, isRunning, progress }: SettleContext): Promise<void> => {
  for (;;) {
    const moved = progress.wait()
    await assignment.settle()
    if (isRunning()) return
    await moved
  }
}

/** False: it could not be done now, for the group has moved on or a broker is away; what becomes of it is progress, too. */
const commit = async (context: SettleContext): Promise<boolean> => {
  const moved = context.progress.wait()
  try {
    await context.commit()
    return true
  } catch (error) {
    if (!isMillraceError(error) || !error.retriable) throw error
    await moved
    return false
  }
}

const keyOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic}-${partition}`

/** The high watermark: what a transaction of another task has committed may lie beyond the last stable offset for a moment. */
const endsOf = ({ assignment, transport }: SettleContext): Promise<readonly PartitionOffset[]> => {
  const partitions = assignment.running.flatMap((task) => task.inputs.map(({ input }) => input.at))
  return partitions.length === 0 ? Promise.resolve([]) : transport.listOffsets(partitions, 'end')
}

const reach = async ({ assignment, progress }: SettleContext, ends: Ends): Promise<void> => {
  for (;;) {
    const behind = assignment.running.filter((task) =>
      task.inputs.some(({ input }) => !input.isFinished && input.frontier.offset < (ends.get(keyOf(input.at)) ?? 0)),
    )
    if (behind.length === 0) return
    const moved = progress.wait()
    for (const task of behind) if (hasTakenAll(task, ends)) task.context.flushAll()
    await moved
  }
}

/** What it holds back by choice, for others to come, is all there is. */
const hasTakenAll = (task: Task, ends: Ends): boolean =>
  task.inputs.every(({ input }) => input.isFinished || input.nextOffset >= (ends.get(keyOf(input.at)) ?? 0))

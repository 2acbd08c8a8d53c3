import type { SourceNode, SourceOptions } from '../topology/node.js'
import { hasChangelog, type FoundTopics } from '../topology/partitions.js'
import type { Input as PlannedInput, SubTopology } from '../topology/plan.js'
import { openMemoryFile } from '../state/memory.js'
import type { StateFile } from '../state/port.js'
import type { Member, OffsetSpec, TopicPartition } from '../transport/port.js'
import { Input, type TaskInput } from './input.js'
import { openDestination } from './destinations.js'
import { restoreTask } from './restore.js'
import type { Services } from './services.js'
import { SourceDecoder } from './source.js'
import { Task } from './task.js'
import { TaskStores } from './task-stores.js'
import { partitionsAdded } from './topic-catalogue.js'
import { wire, type Entrance } from './wiring.js'

export interface TaskPlan {
  readonly id: string
  readonly sub: SubTopology
  readonly partition: number
}

export interface OpeningContext {
  readonly services: Services
  readonly found: FoundTopics
  readonly member: Member
  readonly openFile: (taskId: string) => StateFile
  /** Of each input: where `until: 'now'` ends, as of the start of the app. */
  readonly untilOf: (at: TopicPartition) => { readonly offset: number } | { readonly time: number } | null
  readonly isVoid: () => boolean
  readonly onProgress: (progress: {
    readonly task: string
    readonly store: string
    readonly records: number
    readonly total: number
  }) => void
}

/** Restores a task's stores, finds where its inputs go on, wires its verbs. It does not run yet. */
export const openTask = async (plan: TaskPlan, context: OpeningContext): Promise<{ readonly task: Task; readonly run: () => void }> => {
  const { services, found, member } = context
  const { id, sub, partition } = plan
  const inputs = sub.inputs.filter(({ topic }) => partition < (found.get(topic)?.partitions ?? 0))
  requireInputs(plan, inputs.length, found)
  const planned = sub.stores.map((store) => ({ ...store, hasChangelog: hasChangelog(store, found) }))
  const memory = openMemoryFile()
  const main = planned.some(({ spec }) => spec.kind === 'lmdb') ? context.openFile(id) : memory
  const stores = new TaskStores(planned, partition, main, memory)
  try {
    const at = inputs.map(({ topic }) => ({ topic, partition }))
    const { clock, transport, producer } = services
    const onProgress = (progress: { readonly store: string; readonly records: number; readonly total: number }) =>
      context.onProgress({ task: id, ...progress })
    const resumed = await restoreTask({
      taskId: id,
      stores,
      inputs: at,
      transport,
      member,
      producer,
      clock,
      isExactlyOnce: services.isExactlyOnce,
      onStateAhead: ({ code, summary }) => services.logger.warn({ task: id, code, error: summary }, 'state is rebuilt from the changelog'),
      isVoid: context.isVoid,
      onProgress,
    })
    const opened = await Promise.all(
      inputs.map(async (input) =>
        openInput(input, partition, resumed.offsets[input.topic] ?? (await initialOffset(context, input, partition)), context),
      ),
    )
    const task = new Task(id, partition, opened, stores, resumed.mark, services)
    return { task, run: () => task.run(wireTask(task, sub, inputs, services)) }
  } catch (error) {
    stores.close()
    throw error
  }
}

/** A group that hears of new partitions hands them out before the app has looked at its topics again. */
const requireInputs = ({ sub, partition }: TaskPlan, count: number, found: FoundTopics): void => {
  const [first] = sub.inputs
  if (count > 0 || first === undefined) return
  throw partitionsAdded(first.topic, found.get(first.topic)?.partitions ?? 0, `at least ${partition + 1}`)
}

const openInput = (
  { topic, sources, isByRecord }: PlannedInput,
  partition: number,
  start: number,
  { services, untilOf }: OpeningContext,
): TaskInput => {
  const at = { topic, partition }
  const decoders = sources.map((source) => {
    const node = source.kind === 'source' ? source : repartitionSource(source, topic)
    return new SourceDecoder(
      node,
      services.clock,
      () => services.counters.drop(node.label, 'null-key'),
      (eventTime) =>
        services.warnOnce(
          `seconds of ${topic}`,
          { topic, eventTime },
          'event times look like seconds; they are taken for ms since the epoch',
        ),
    )
  })
  return {
    input: new Input(at, decoders, start, untilOf(at), isByRecord ? 1 : undefined),
    labels: sources.map(({ label }) => label),
  }
}

/** Event times were checked where the records came in. */
const fromWithin: SourceOptions = { from: 'earliest', until: 'never', onOutOfRange: 'earliest', maxAheadMs: Infinity, onError: null }

const repartitionSource = (node: Exclude<PlannedInput['sources'][number], SourceNode>, topic: string): SourceNode => ({
  kind: 'source',
  label: node.label,
  topic: { name: topic, key: node.key, value: node.value },
  as: 'stream',
  options: fromWithin,
})

const initialOffset = async ({ services }: OpeningContext, { topic, options }: PlannedInput, partition: number): Promise<number> => {
  const from = options?.from ?? 'earliest'
  const spec: OffsetSpec = from === 'latest' ? 'stable' : from
  const [found] = await services.transport.listOffsets([{ topic, partition }], spec)
  return found?.offset ?? 0
}

const wireTask = (task: Task, sub: SubTopology, inputs: readonly PlannedInput[], services: Services): readonly Entrance[] =>
  wire(
    sub.nodes,
    sub.writes.map(({ node }) => node),
    inputs.map(({ sources }) => sources),
    {
      task: task.context,
      taps: services.taps,
      meetings: sub.meetings,
      awaited: sub.awaited,
      openSink: (node) => openDestination(node, sub, task, services),
    },
  )

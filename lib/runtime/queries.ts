import type { Codec } from '../core/codec.js'
import { windowedInner } from '../core/codec-shape.js'
import { MillraceError } from '../core/errors.js'
import { partitionOf } from '../core/murmur2.js'
import type { Windowed } from '../core/record.js'
import type { QueriedTable } from '../dsl/host.js'
import type { StoreSpec, TableStore } from '../topology/operator.js'
import type { Plan, SubTopology } from '../topology/plan.js'
import { rowsPartitioning, taskCount, type PartitionCounts } from '../topology/partitions.js'
import type { Task } from './task.js'

export interface QueryContext {
  readonly plan: Plan
  readonly counts: PartitionCounts
  readonly task: (id: string) => Task | undefined
  readonly running: () => readonly Task[]
  /** While tasks are being handed on nothing can be said. */
  readonly isRunning: () => boolean
}

/** Reads committed rows of the tasks of this instance. */
export class Queries {
  constructor(private readonly context: QueryContext) {}

  lookUp<K, A, R>(table: QueriedTable<K, A>, key: K, read: (rows: TableStore<K, A>) => R): R {
    const sub = this.subOf(table)
    const partition = this.partitionOf(table, key)
    const task = this.context.task(`${sub.name}-${partition}`)
    if (task === undefined || !this.context.isRunning()) {
      throw new MillraceError(
        'MR_STORE_NOT_HERE',
        `partition ${partition} of table ${table.name} is not on this instance, or is being restored`,
      )
    }
    return read(rowsOf(table, task))
  }

  partitions<K, A>(table: QueriedTable<K, A>): readonly TableStore<K, A>[] {
    const sub = this.subOf(table)
    if (!this.context.isRunning()) throw new MillraceError('MR_STORE_NOT_HERE', `table ${table.name} is being handed on or restored`)
    const count = taskCount(sub, this.context.counts)
    return Array.from({ length: count }, (_, partition) => this.context.task(`${sub.name}-${partition}`)).flatMap((task) =>
      task ? [rowsOf(table, task)] : [],
    )
  }

  private subOf<K, A>({ port, name }: QueriedTable<K, A>): SubTopology {
    const sub = this.context.plan.subTopologies.find(({ nodes }) => nodes.includes(port.node))
    if (sub === undefined) throw new MillraceError('MR_NOT_QUERYABLE', `table ${name} is not part of what runs`)
    return sub
  }

  private partitionOf<K, A>(table: QueriedTable<K, A>, key: K): number {
    const { partitions, partitioner } = rowsPartitioning(this.context.plan, table.port.node, this.context.counts)
    // A window lies where its key does.
    const [inner, codec] = unwindowed(key, table.key)
    if (partitioner) return partitioner(inner, partitions)
    const bytes = codec.encode(inner)
    return bytes === null ? 0 : partitionOf(bytes, partitions)
  }
}

const unwindowed = (key: unknown, written: Codec<unknown>): readonly [unknown, Codec<unknown>] => {
  const inner = windowedInner(written)
  // Made of that codec, so its keys have a key of that codec in them.
  return inner === null ? [key, written] : unwindowed((key as Windowed<unknown>).key, inner as Codec<unknown>)
}

const rowsOf = <K, A>(table: QueriedTable<K, A>, task: Task): TableStore<K, A> =>
  table.lookup.open({ store: <J, B>(spec: StoreSpec<J, B>): TableStore<J, B> => task.stores.get(spec.name).overlay.committed })

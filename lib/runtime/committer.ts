import type { Clock } from '../core/clock.js'
import { MillraceError } from '../core/errors.js'
import { noHeaders } from '../core/headers.js'
import { commitEntry, dataKey } from '../state/changelog.js'
import type { Member, PartitionOffset, Producer } from '../transport/port.js'
import { toMetadata, type Mark } from './recovery.js'
import { byTopic, type OpenStore, type TaskStores } from './task-stores.js'

/** What a commit needs of its task. */
export interface Committable {
  readonly id: string
  readonly stores: TaskStores
  /** Writer and number of the last commit. */
  mark: Mark
  /** Everything below has been answered for. */
  frontiers(): readonly PartitionOffset[]
  /** Stops taking batches, lets go of what is held back by choice, resolves when every receipt is answered. */
  drain(): Promise<void>
  resumeIntake(): void
  readonly producer: () => Producer
  readonly member: () => Member
  readonly clock: Clock
  /** It was taken away meanwhile: nothing may be written for it any more. */
  readonly isClosed: boolean
}

/**
 * The order of steps of a commit, at-least-once. Beside each: what the next start finds if the process dies there.
 * A crash before step 2 leaves the last commit; the inputs after it are read again. Gives the offsets that were committed.
 */
export const commitTask = async (task: Committable): Promise<readonly PartitionOffset[]> => {
  const { stores } = task
  if (stores.all.length === 0) return commitOffsets(task, task.frontiers(), '')

  // 1. Outputs and repartition records have left as their batch passed; drained means acknowledged.
  await task.drain()
  const offsets = task.frontiers()
  const next: Mark = { writer: task.mark.writer, number: task.mark.number + 1 }
  const writes = stores.all.map((store) => ({ store, dirty: [...store.overlay.dirty()] }))

  // 2. Died after this: the changelog is ahead of the file. The file is the truth, and writes its values over what is beyond it.
  assertAlive(task)
  await Promise.all(writes.map(({ store, dirty }) => appendChangelog(task, store, dirty, next)))

  assertAlive(task)
  // 3. Died after this: the file is one ahead of the group. The file is the truth, and commits its offsets first.
  stores.commit({ mark: next, offsets: byTopic(offsets), committedAt: task.clock.now(), isRebuilding: false }, () => {
    for (const { overlay } of stores.all) overlay.flush()
  })
  for (const { overlay } of stores.all) overlay.flushed()
  task.mark = next
  task.resumeIntake()

  // 4. Died after this: file and group agree.
  return commitOffsets(task, offsets, toMetadata(next))
}

const commitOffsets = async (
  task: Committable,
  offsets: readonly PartitionOffset[],
  metadata: string,
): Promise<readonly PartitionOffset[]> => {
  await task.member().commit(offsets.map((offset) => ({ ...offset, metadata })))
  return offsets
}

/** At-least-once has no judge over zombies, so a member that has not been heard for a session fences itself. */
const assertAlive = (task: Committable): void => {
  if (task.isClosed) throw new MillraceError('MR_FENCED', `task ${task.id} was taken away while it was committed`)
  if (!task.member().isAlive())
    throw new MillraceError('MR_FENCED', `task ${task.id} was not committed: the group has not answered for a session timeout`)
}

interface DirtyRow {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestamp: number
}

/** One record per key that changed, opened by the entry that names the commit. Resolves when all are acknowledged. */
const appendChangelog = (task: Committable, store: OpenStore, dirty: readonly DirtyRow[], mark: Mark): Promise<void> => {
  if (store.changelog === null || dirty.length === 0) return Promise.resolve()
  const opening = { ...commitEntry(mark), timestamp: task.clock.now() }
  return appendRows(task.producer(), store.changelog, [
    opening,
    ...dirty.map(({ key, value, timestamp }) => ({ key: dataKey(key), value, timestamp })),
  ])
}

/** Moves the position behind what was appended. */
export const appendRows = (
  producer: Producer,
  changelog: NonNullable<OpenStore['changelog']>,
  rows: readonly { readonly key: Uint8Array; readonly value: Uint8Array | null; readonly timestamp: number }[],
): Promise<void> =>
  new Promise((resolve, reject) => {
    let open = rows.length
    if (open === 0) return resolve()
    const delivery = {
      delivered: (count: number, _at: unknown, lastOffset: number) => {
        changelog.position = Math.max(changelog.position, lastOffset + 1)
        if ((open -= count) === 0) resolve()
      },
      failed: reject,
    }
    for (const row of rows)
      producer.append(changelog, { key: row.key, value: row.value, timestamp: row.timestamp, headers: noHeaders }, delivery, null)
    producer.flush()
  })

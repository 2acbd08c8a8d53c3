import { asBuffer } from '../core/bytes.js'
import type { Clock } from '../core/clock.js'
import { MillraceError } from '../core/errors.js'
import { noHeaders } from '../core/headers.js'
import type { OutRecord } from '../core/record.js'
import { commitEntry, dataKey, streamTimeEntry } from '../state/changelog.js'
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

type Changelog = NonNullable<OpenStore['changelog']>

/** What a commit consists of, as of the moment the task was drained; what is done after it belongs to the next one. */
export interface Snapshot {
  readonly mark: Mark
  readonly offsets: readonly PartitionOffset[]
  readonly changes: readonly Changes[]
}
export interface Changes {
  readonly store: string
  readonly changelog: Changelog
  /** One record per key that changed, opened by the entry that names the commit. */
  readonly rows: readonly OutRecord[]
}

/** Rows encoded or sent before others have their turn: some ms. */
const rowsPerTurn = 5000
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * Drains the task and takes what it has come to. Many rows are encoded in pieces before, while nothing is taken in; what a timer
 * writes in between is waited for and encoded with the rest.
 */
export const takeSnapshot = async (task: Committable): Promise<Snapshot> => {
  await task.drain()
  for (const { overlay } of task.stores.all) while (overlay.encodeSome(rowsPerTurn)) await nextTurn()
  await task.drain()
  return snapshot(task)
}

const snapshot = (task: Committable): Snapshot => {
  const { stores, mark, clock } = task
  const next = stores.all.length === 0 ? mark : { writer: mark.writer, number: mark.number + 1 }
  const changes = stores.all.flatMap(({ spec, overlay, changelog }): Changes[] => {
    const dirty = overlay.dirty()
    if (changelog === null || (dirty.length === 0 && !overlay.isTimeDirty)) return []
    const now = clock.now()
    const time = overlay.isTimeDirty ? [streamTimeRow(overlay.timeToCommit, now)] : []
    return [
      {
        store: spec.name,
        changelog,
        rows: [openingRow(next, now), ...time, ...dirty.map(changelogRow)],
      },
    ]
  })
  return { mark: next, offsets: task.frontiers(), changes }
}

/**
 * The order of steps of a commit, at-least-once. Beside each: what the next start finds if the process dies there.
 * A crash before step 2 leaves the last commit; the inputs after it are read again. Gives the offsets that were committed.
 */
export const commitTask = async (task: Committable): Promise<readonly PartitionOffset[]> => {
  if (task.stores.all.length === 0) return commitOffsets(task, task.frontiers(), '')

  // 1. Outputs and repartition records have left as their batch passed; drained means acknowledged.
  const taken = await takeSnapshot(task)
  task.resumeIntake()

  // 2. Died after this: the changelog is ahead of the file. The file is the truth, and writes its values over what is beyond it.
  assertAlive(task)
  await Promise.all(taken.changes.map((changes) => appendRows(task.producer(), changes, () => task.isClosed || !task.member().isAlive())))

  assertAlive(task)
  // 3. Died after this: the file is one ahead of the group. The file is the truth, and commits its offsets first.
  commitFile(task, taken)

  // 4. Died after this: file and group agree.
  return commitOffsets(task, taken.offsets, toMetadata(taken.mark))
}

/** State, the inputs it contains, the positions of its changelogs: one transaction. */
export const commitFile = (task: Committable, { mark, offsets }: Snapshot): void => {
  const { stores, clock } = task
  if (stores.all.length === 0) return
  stores.commit({ mark, offsets: byTopic(offsets), committedAt: clock.now(), isRebuilding: false }, () => {
    for (const { overlay } of stores.all) overlay.flush()
  })
  for (const { overlay } of stores.all) overlay.flushed()
  task.mark = mark
}

const commitOffsets = async (
  task: Committable,
  offsets: readonly PartitionOffset[],
  metadata: string,
): Promise<readonly PartitionOffset[]> => {
  await task.member().commit(offsets.map((offset) => ({ ...offset, metadata })))
  return offsets
}

/** A member that has not been heard for a session fences itself: at-least-once nobody else does. */
export const assertAlive = (task: Committable): void => {
  if (task.isClosed) throw new MillraceError('MR_FENCED', `task ${task.id} was taken away while it was committed`)
  if (!task.member().isAlive())
    throw new MillraceError('MR_FENCED', `task ${task.id} was not committed: the group has not answered for a session timeout`)
}

/** The entry that names the commit whose rows follow. */
export const openingRow = (mark: Mark, timestamp: number): OutRecord => ({ ...commitEntry(mark), timestamp, headers: noHeaders })

const streamTimeRow = (time: number, timestamp: number): OutRecord => ({ ...streamTimeEntry(time), timestamp, headers: noHeaders })

export const changelogRow = ({ key, value, timestamp }: Omit<OutRecord, 'headers' | 'key'> & { readonly key: Buffer }): OutRecord => ({
  key: dataKey(key),
  value,
  timestamp,
  headers: noHeaders,
})

/** Resolves when all are acknowledged. Moves the position behind what was appended. */
export const appendRows = (producer: Producer, changes: Changes, isVoid: () => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    const { changelog, rows } = changes
    let open = rows.length
    if (open === 0) return resolve()
    const delivery = {
      delivered: (count: number, _at: unknown, lastOffset: number) => {
        changelog.position = Math.max(changelog.position, lastOffset + 1)
        if ((open -= count) === 0) resolve()
      },
      failed: (error: MillraceError, row: unknown) => reject(refusedRow(changes, row, error)),
      // A process that has slept would write what is long outdated over the rows of whoever went on.
      isVoid,
    }
    inPieces(rows, (row) => producer.append(changelog, row, delivery, row)).then(() => producer.flush(), reject)
  })

/** The first of them at once. */
export const inPieces = async <A>(items: readonly A[], take: (item: A) => void): Promise<void> => {
  for (let i = 0; i < items.length; i++) {
    if (i > 0 && i % rowsPerTurn === 0) await nextTurn()
    take(items[i] as A)
  }
}

/** No policy has anything to say of it: the result is there, and without it what follows would be wrong. */
export const refusedRow = ({ store, changelog }: Changes, row: unknown, error: MillraceError): MillraceError => {
  // Handed back as `append` was given it; behind the tag.
  const { key, value } = row as OutRecord
  const name = asBuffer(key?.subarray(1) ?? Buffer.alloc(0)).toString('utf8', 0, 100)
  const what = `the row ${JSON.stringify(name)} of store "${store}" has ${value?.length ?? 0} bytes, and its changelog`
  return new MillraceError(error.code, `${what} ${changelog.topic}-${changelog.partition} does not take it: ${error.summary}`, {
    cause: error,
  })
}

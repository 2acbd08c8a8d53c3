import { scratch } from '../core/bytes.js'
import type { Clock } from '../core/clock.js'
import { MillraceError } from '../core/errors.js'
import { noHeaders } from '../core/headers.js'
import type { OutRecord } from '../core/record.js'
import { commitEntry, dataKey, streamTimeEntry } from '../state/changelog.js'
import type { DirtyRow } from '../state/overlay-cell.js'
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
  /** They come first; the one that names the commit opens it. */
  readonly entries: readonly ChangelogRecord[]
  /** One per key that changed. */
  readonly rows: readonly DirtyRow[]
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
    const time = overlay.isTimeDirty ? [entryRecord(streamTimeEntry(overlay.timeToCommit), now)] : []
    return [{ store: spec.name, changelog, entries: [openingRecord(next, now), ...time], rows: dirty }]
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
  await Promise.all(
    taken.changes.map((changes) => appendChanges(task.producer(), changes, () => task.isClosed || !task.member().isAlive())),
  )

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

interface ChangelogRecord extends OutRecord {
  readonly key: Buffer
  readonly value: Buffer
}

const entryRecord = ({ key, value }: { readonly key: Buffer; readonly value: Buffer }, timestamp: number): ChangelogRecord => ({
  key,
  value,
  timestamp,
  headers: noHeaders,
})

/** The entry that names the commit whose rows follow. */
export const openingRecord = (mark: Mark, timestamp: number): ChangelogRecord => entryRecord(commitEntry(mark), timestamp)

/** Resolves when all are acknowledged. Moves the position behind what was appended. */
export const appendChanges = (producer: Producer, changes: Changes, isVoid: () => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    const { changelog, entries, rows } = changes
    let open = entries.length + rows.length
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
    const append = (record: OutRecord, row: DirtyRow): void => producer.append(changelog, record, delivery, row)
    writeChanges(changes, append).then(() => producer.flush(), reject)
  })

/** Gives each record to `append`, which copies its bytes, in pieces of some ms. */
export const writeChanges = ({ entries, rows }: Changes, append: (record: OutRecord, row: DirtyRow) => void): Promise<void> => {
  for (const entry of entries) append(entry, { ...entry, key: entry.key.subarray(1) })
  return inPieces(rows, (row) => {
    const { key, value, timestamp } = row
    append({ key: dataKey(key, keyBytes), value, timestamp, headers: noHeaders }, row)
  })
}

const keyBytes = scratch()

/** The first of them at once. */
const inPieces = async <A>(items: readonly A[], take: (item: A) => void): Promise<void> => {
  for (let i = 0; i < items.length; i++) {
    if (i > 0 && i % rowsPerTurn === 0) await nextTurn()
    take(items[i] as A)
  }
}

/** No policy has anything to say of it: the result is there, and without it what follows would be wrong. */
export const refusedRow = ({ store, changelog }: Changes, row: unknown, error: MillraceError): MillraceError => {
  // Handed back as `append` was given it.
  const { key, value } = row as DirtyRow
  const name = key.toString('utf8', 0, 100)
  const what = `the row ${JSON.stringify(name)} of store "${store}" has ${value?.length ?? 0} bytes, and its changelog`
  return new MillraceError(error.code, `${what} ${changelog.topic}-${changelog.partition} does not take it: ${error.summary}`, {
    cause: error,
  })
}

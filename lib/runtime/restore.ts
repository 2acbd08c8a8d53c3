import { asBuffer } from '../core/bytes.js'
import type { Clock } from '../core/clock.js'
import { isMillraceError, MillraceError } from '../core/errors.js'
import type { RawRecord } from '../core/record.js'
import { readChangelogEntry } from '../state/changelog.js'
import type { ByteStore } from '../state/port.js'
import { nextOffset } from '../transport/batch/header.js'
import { readBatch } from '../transport/batch/reader.js'
import type { Chunk, CommittedOffset, Member, PartitionOffset, Producer, TopicPartition, Transport } from '../transport/port.js'
import { appendChanges, openingRecord } from './committer.js'
import { decide, groupMark, toMetadata, type Mark } from './recovery.js'
import { byTopic, newWriter, type FileState, type OpenStore, type TaskStores } from './task-stores.js'

export interface RestoreContext {
  readonly taskId: string
  readonly stores: TaskStores
  readonly inputs: readonly TopicPartition[]
  readonly transport: Transport
  readonly member: Member
  readonly producer: () => Producer
  readonly clock: Clock
  readonly isExactlyOnce: boolean
  readonly onStateAhead: (error: MillraceError) => void
  /** True once the assignment this works for is over: give up between two steps. */
  readonly isVoid: () => boolean
  readonly onProgress: (progress: { readonly store: string; readonly records: number; readonly total: number }) => void
}

/** Where a task goes on: the mark of its last commit, and offsets of the inputs that have one. */
export interface Resumed {
  readonly mark: Mark
  readonly offsets: Readonly<Record<string, number>>
}

/** Tombstones older than this may have been compacted away (Kafka's delete.retention.ms is a day), so an older file is not rolled forward. */
const rollForwardMs = 12 * 3_600_000

/** Brings the stores of a task to where its inputs go on; see the table in `recovery.ts`. */
export const restoreTask = async (context: RestoreContext): Promise<Resumed> => {
  const { stores, inputs, member } = context
  const committed = await member.committed(inputs)
  if (stores.all.length === 0) return { mark: { writer: '', number: 0 }, offsets: byTopic(committed) }
  const file = stores.read()
  const found = decide(file?.mark ?? null, groupMark(committed), context.isExactlyOnce)
  switch (found._tag) {
    case 'OffsetsMoved':
      throw new MillraceError('MR_OFFSETS_MOVED', `task ${context.taskId} has state, and the committed offsets are not those it left`)
    case 'Changelog':
      return rebuild(context, committed)
    case 'StateAhead':
      context.onStateAhead(new MillraceError('MR_STATE_AHEAD', `task ${context.taskId} is set up anew`))
      return rebuild(context, committed, 'from nothing')
    case 'File':
    case 'FileAhead':
      return file ? trustFile(context, file, committed, found._tag === 'FileAhead') : rebuild(context, committed)
  }
}

/* ------------------------------------------------------ the file is the truth */

const trustFile = async (
  context: RestoreContext,
  file: FileState,
  committed: readonly CommittedOffset[],
  isAhead: boolean,
): Promise<Resumed> => {
  const { stores, member, inputs } = context
  stores.recoverTimes(file)
  const changelogs = stores.all.filter((store) => store.changelog !== null)
  for (const store of changelogs) setPosition(store, file.changelogs[store.spec.name] ?? 0)
  const beyond = await Promise.all(changelogs.map((store) => keysBeyond(context, store)))
  // Number 0 is a file without a commit: what another writer has left in the changelog since is more than it knows.
  if (file.mark.number === 0 && beyond.some(({ writers }) => [...writers].some((writer) => writer !== file.mark.writer)))
    return rebuild(context, committed)
  if (isAhead) {
    const offsets = inputs.flatMap(({ topic, partition }) =>
      file.offsets[topic] === undefined ? [] : [{ topic, partition, offset: file.offsets[topic] }],
    )
    await member.commit(offsets.map((at) => ({ ...at, metadata: toMetadata(file.mark) })))
  }
  await Promise.all(changelogs.map((store, i) => writeBack(context, store, beyond[i]?.keys ?? [], file.mark)))
  return { mark: file.mark, offsets: file.offsets }
}

/** Keys found in the changelog beyond the file: of a commit that did not come to its end. All keys, when the changelog is not the one it was. */
const keysBeyond = async (
  context: RestoreContext,
  store: OpenStore,
): Promise<{ readonly keys: readonly Buffer[]; readonly writers: ReadonlySet<string> }> => {
  const keys = new Map<string, Buffer>()
  const writers = new Set<string>()
  const isSame = await scan(context, store, (batches) => {
    for (const raws of batches) {
      for (const raw of raws) {
        const entry = readChangelogEntry(raw)
        if (entry._tag === 'Commit') writers.add(entry.mark.writer)
        else if (entry._tag === 'Data') keys.set(entry.key.toString('latin1'), Buffer.from(entry.key))
      }
    }
  })
  if (!isSame) for (const [key] of store.bytes.entries()) keys.set(key.toString('latin1'), key)
  return { keys: [...keys.values()], writers }
}

const writeBack = async (
  { clock, producer, isVoid }: RestoreContext,
  store: OpenStore,
  keys: readonly Buffer[],
  mark: Mark,
): Promise<void> => {
  if (store.changelog === null || keys.length === 0) return
  const now = clock.now()
  const rows = keys.map((key) => {
    const row = store.bytes.get(key)
    return { key, value: row ? asBuffer(row.value) : null, timestamp: row?.timestamp ?? now }
  })
  const changes = { store: store.spec.name, changelog: store.changelog, entries: [openingRecord(mark, now)], rows }
  await appendChanges(producer(), changes, isVoid)
}

/* -------------------------------------------------- the changelog is the truth */

const rebuild = async (
  context: RestoreContext,
  committed: readonly CommittedOffset[],
  how: 'from the file' | 'from nothing' = 'from the file',
): Promise<Resumed> => {
  const { stores, clock, member } = context
  const left = stores.stored()
  const canRollForward = how === 'from the file' && left !== null && stores.main.isDurable && clock.now() - left.committedAt < rollForwardMs
  if (canRollForward) stores.recoverTimes(left)
  const mark: Mark = { writer: newWriter(), number: 0 }
  const offsets = byTopic(committed)
  const rebuilding = {
    mark,
    offsets: canRollForward ? left.offsets : {},
    committedAt: left?.committedAt ?? clock.now(),
    isRebuilding: true,
  }
  for (const store of stores.all) {
    const position = canRollForward && store.file.isDurable ? (left.changelogs[store.spec.name] ?? 0) : 0
    setPosition(store, position)
    if (position === 0 && store.changelog) stores.commit(rebuilding, () => store.bytes.clear())
  }
  for (const store of stores.all) {
    if (store.changelog) await rollForward(context, store, rebuilding)
    else await restoreFromSource(context, store, rebuilding, canRollForward ? left.offsets : {}, offsets)
  }
  stores.commit({ mark, offsets, committedAt: clock.now(), isRebuilding: false }, () => undefined)
  // The group learns whose file goes on from its offsets: a crash in the first commit is then told from another owner's.
  if (committed.length > 0) await member.commit(committed.map((at) => ({ ...at, metadata: toMetadata(mark) })))
  return { mark, offsets }
}

type Rebuilding = Parameters<TaskStores['commit']>[0]

const rollForward = async (context: RestoreContext, store: OpenStore, rebuilding: Rebuilding): Promise<void> => {
  const apply = (batches: Batches) =>
    context.stores.commit(rebuilding, () => {
      for (const raws of batches) {
        for (const raw of raws) {
          const entry = readChangelogEntry(raw)
          if (entry._tag === 'StreamTime') store.overlay.recoverTime(entry.time)
          else if (entry._tag === 'Data') write(store.bytes, entry.key, entry.value, entry.timestamp)
        }
      }
    })
  if (await scan(context, store, apply)) return
  // The changelog no longer reaches back to the file, or is another one: only its whole tells.
  context.stores.commit(rebuilding, () => store.bytes.clear())
  setPosition(store, 0)
  await scan(context, store, apply)
}

/** Also what the next record overwrites: to find that out costs as much as to write it. */
const write = (bytes: ByteStore, key: Buffer, value: Buffer | null, timestamp: number): void => {
  if (value === null) bytes.remove(key)
  else bytes.put(key, { value, timestamp })
}

/** A table of a compacted topic: its rows are the topic's own, up to the offset its input goes on from. */
const restoreFromSource = async (
  context: RestoreContext,
  store: OpenStore,
  rebuilding: Rebuilding,
  have: Readonly<Record<string, number>>,
  offsets: Readonly<Record<string, number>>,
): Promise<void> => {
  const input = context.inputs.find(({ topic }) => topic === store.planned.source?.name)
  const committed = input && offsets[input.topic]
  if (input === undefined || committed === undefined) return context.stores.commit(rebuilding, () => store.bytes.clear())
  // Offsets set by hand, or of a topic that was made anew, may lie beyond its end: the policy for that comes with the first fetch.
  const [log] = await context.transport.listOffsets([input], 'end')
  const end = Math.min(committed, log?.offset ?? committed)
  const known = have[input.topic]
  const earliest = await firstOffset(context.transport, input)
  const start = known !== undefined && known >= earliest && known <= end ? known : earliest
  if (start === earliest) context.stores.commit(rebuilding, () => store.bytes.clear())
  await readTo(context, { ...input, offset: start }, end, store.spec.name, (batches) =>
    context.stores.commit(rebuilding, () => {
      for (const raws of batches) for (const { key, value, timestamp } of raws) if (key !== null) write(store.bytes, key, value, timestamp)
    }),
  )
}

/* ------------------------------------------------------------------- reading */

const setPosition = (store: OpenStore, position: number): void => {
  if (store.changelog) store.changelog.position = position
}

/** Reads the changelog from the store's position to its high watermark; the position follows. False: the position is not in this log. */
const scan = async (context: RestoreContext, store: OpenStore, take: (batches: Batches) => void): Promise<boolean> => {
  const { changelog } = store
  if (changelog === null) return true
  const [end] = await context.transport.listOffsets([changelog], 'end')
  const earliest = await firstOffset(context.transport, changelog)
  if (end === undefined || end.offset < changelog.position) return false
  const isFromStart = changelog.position === 0
  if (isFromStart) changelog.position = earliest
  if (changelog.position < earliest) return false
  try {
    await readTo(
      context,
      { topic: changelog.topic, partition: changelog.partition, offset: changelog.position },
      end.offset,
      store.spec.name,
      (batches, next) => {
        changelog.position = next
        take(batches)
      },
    )
    return true
  } catch (error) {
    if (isMillraceError(error, 'MR_OUT_OF_RANGE')) return false
    throw error
  }
}

const firstOffset = async (transport: Transport, at: TopicPartition): Promise<number> =>
  (await transport.listOffsets([at], 'earliest'))[0]?.offset ?? 0

/** To be walked once: a batch is read when it is its turn, so the records of one are there at a time. */
type Batches = Iterable<readonly RawRecord[]>

function* recordsIn(chunk: Chunk, from: number, end: number): Generator<readonly RawRecord[]> {
  for (const batch of chunk.batches) {
    const raws = readBatch(batch, from, chunk)
    yield nextOffset(batch) <= end ? raws : raws.filter(({ offset }) => offset < end)
  }
}

const readTo = async (
  context: RestoreContext,
  from: PartitionOffset,
  end: number,
  store: string,
  take: (batches: Batches, next: number) => void,
): Promise<void> => {
  if (from.offset >= end) return
  const reader = context.transport.read([from])
  try {
    for (let position = from.offset; position < end;) {
      if (context.isVoid())
        throw new MillraceError('MR_FENCED', `the restore of task ${context.taskId} was overtaken by another assignment`)
      for (const chunk of await reader.next()) {
        const batches = recordsIn(chunk, position, end)
        position = Math.max(position, chunk.nextOffset)
        take(batches, Math.min(position, end))
        context.onProgress({ store, records: Math.min(position, end) - from.offset, total: end - from.offset })
      }
    }
  } finally {
    await reader.close()
  }
}

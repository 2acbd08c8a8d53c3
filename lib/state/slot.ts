import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError, isMillraceError } from '../core/errors.js'
import { tryLock, type FileLock } from '../core/file-lock.js'
import { isTrash, writeDurably } from './durable-file.js'

/** The folder of one member of a group, held for its life: `<stateDir>/<app id>/slot-<n>`. */
export interface Slot {
  readonly folder: string
  /** Made at random with the folder, and never changed. */
  readonly nodeId: string
  /** Where the state of a task goes; not created here. */
  taskFolder(id: string): string
  /** The tasks that have a folder here, sorted. */
  held(): readonly string[]
  /** Idempotent. */
  release(): void
}

/** One process with more members than that is more likely a mistake. */
const maxSlots = 1000

/**
 * Takes the lowest slot that no live member holds, in this process or another. Waits for nobody.
 *
 * **Throws** `MR_NAME_INVALID`, `MR_STATE_WRITE`; `MR_STATE_LOCKED` when all are taken.
 */
export const openSlot = (stateDir: string, appId: string): Slot => {
  assertName(appId, 'the id of the app')
  for (let n = 0; n < maxSlots; n++) {
    const folder = join(stateDir, appId, `slot-${n}`)
    const lock = tryLock(join(folder, 'lock'))
    if (lock !== null) return openLocked(folder, lock)
  }
  throw new MillraceError('MR_STATE_LOCKED', `all ${maxSlots} slots in ${join(stateDir, appId)} belong to live members`)
}

const openLocked = (folder: string, lock: FileLock): Slot => {
  try {
    const nodeId = nodeIdOf(folder)
    return {
      folder,
      nodeId,
      taskFolder: (id) => {
        assertName(id, 'the id of a task')
        return join(folder, id)
      },
      held: () => tasksIn(folder),
      release: () => lock.release(),
    }
  } catch (error) {
    lock.release()
    throw isMillraceError(error)
      ? error
      : new MillraceError('MR_STATE_WRITE', `the state folder ${folder} cannot be used`, { cause: error })
  }
}

const tasksIn = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !isTrash(entry.name))
    .map(({ name }) => name)
    .sort()

const nodeIdOf = (folder: string): string => {
  const known = readNodeId(join(folder, 'node.json'))
  if (known !== null) return known
  const nodeId = randomUUID()
  mkdirSync(folder, { recursive: true })
  writeDurably(join(folder, 'node.json'), `${JSON.stringify({ v: 1, nodeId })}\n`)
  return nodeId
}

/** Null when there is none, or one that cannot be read: it is written as a whole, so that was not us. */
const readNodeId = (file: string): string | null => {
  try {
    const read: { readonly v?: unknown; readonly nodeId?: unknown } | null = JSON.parse(readFileSync(file, 'utf8'))
    return read?.v === 1 && typeof read.nodeId === 'string' ? read.nodeId : null
  } catch {
    return null
  }
}

/** A name that is a folder of its own on every system, and none of ours. */
const assertName = (name: string, what: string): void => {
  if (/^[\w-][\w.-]{0,199}$/.test(name) && !isTrash(name) && name !== 'lock' && name !== 'node.json') return
  throw new MillraceError('MR_NAME_INVALID', `${what} is ${JSON.stringify(name)}`)
}

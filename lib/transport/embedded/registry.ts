import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.js'
import { isMillraceError, MillraceError } from '../../core/errors.js'
import { lockOwner, tryLock } from '../../core/file-lock.js'
import { dataFolder, examine } from './examine.js'
import { lmdbStorage } from './lmdb-storage.js'
import { Log } from './log.js'
import { memoryStorage } from './storage.js'

/** A use of a log that others may use too; the last one to release it closes it. */
export interface Lease {
  readonly log: Log
  /** Idempotent. */
  release(): void
}
interface Shared {
  readonly log: Log
  readonly close: () => void
  uses: number
}

/** A log in memory that lives as long as somebody holds it. */
export const createMemoryLog = ({ clock }: { readonly clock: Clock }): Log => new Log(memoryStorage(), clock)

const inMemory = ':memory:'
const shared = new Map<string, Shared>()

/** One log per folder and process, and one in memory. Throws `MR_STATE_LOCKED`, `MR_STATE_FORMAT`, `MR_LOG_DAMAGED`, `MR_STATE_WRITE`. */
export const leaseLog = (stateDir: string, clock: Clock): Lease => {
  const key = stateDir === inMemory ? inMemory : logFolder(stateDir)
  const entry = shared.get(key) ?? (key === inMemory ? openInMemory(clock) : openFolder(key, clock))
  shared.set(key, entry)
  entry.uses++
  let isReleased = false
  return {
    log: entry.log,
    release: () => {
      if (isReleased) return
      isReleased = true
      if (--entry.uses > 0) return
      shared.delete(key)
      entry.close()
    },
  }
}

const logFolder = (stateDir: string): string => {
  try {
    mkdirSync(join(stateDir, 'log'), { recursive: true })
    return realpathSync(join(stateDir, 'log'))
  } catch (error) {
    throw new MillraceError('MR_STATE_WRITE', `the folder ${join(stateDir, 'log')} cannot be made`, { cause: error })
  }
}

const openInMemory = (clock: Clock): Shared => {
  const log = createMemoryLog({ clock })
  return { log, close: () => log.close(), uses: 0 }
}

const openFolder = (folder: string, clock: Clock): Shared => {
  // Beside the folder: in it, it would have to be told from what belongs to the log.
  const lockPath = `${folder}.lock`
  const lock = tryLock(lockPath)
  if (lock === null) {
    const pid = lockOwner(lockPath)
    throw new MillraceError('MR_STATE_LOCKED', `the log in ${folder} is open in ${pid === null ? 'another process' : `process ${pid}`}`)
  }
  try {
    examine(folder)
    const log = new Log(lmdbStorage(dataFolder(folder)), clock)
    const close = (): void => {
      log.close()
      lock.release()
    }
    return { log, close, uses: 0 }
  } catch (error) {
    lock.release()
    throw isMillraceError(error) ? error : new MillraceError('MR_LOG_DAMAGED', `the log in ${folder} cannot be opened`, { cause: error })
  }
}

import { existsSync, readFileSync, statSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../core/clock.js'
import { MillraceError } from '../core/errors.js'
import { writeDurably } from './durable-file.js'
import { damageOf, lmdbDataVersion } from './lmdb-pages.js'

/** Whose state it is, and how the caller has laid it out in stores and meta. */
export interface StateIdentity {
  readonly app: string
  readonly task: string
  readonly format: number
}

/**
 * `epoch.json`, written before the data file is opened. The file is never flushed while it is open, so after a crash of the
 * operating system (another boot id, and no mark of a clean shutdown) it cannot be trusted and must not even be opened.
 */
interface Epoch extends StateIdentity {
  readonly v: 1
  readonly boot: string
  readonly clean: boolean
  /** Data version of LMDB. */
  readonly lmdb: number
}

export type Finding =
  { readonly _tag: 'Fresh' } | { readonly _tag: 'Existing' } | { readonly _tag: 'Unusable'; readonly reason: MillraceError }

export const dataFolder = (folder: string): string => join(folder, 'db')
export const dataFile = (folder: string): string => join(dataFolder(folder), 'data.mdb')
const epochFile = (folder: string): string => join(folder, 'epoch.json')

export const examine = (folder: string, identity: StateIdentity, clock: Clock): Finding => {
  const unusable = (code: 'MR_STATE_DAMAGED' | 'MR_STATE_FORMAT' | 'MR_TOPOLOGY_CHANGED', what: string): Finding => ({
    _tag: 'Unusable',
    reason: new MillraceError(code, `the state of ${identity.app}, ${identity.task} in ${folder} cannot be used: ${what}`),
  })
  if (!hasData(folder)) return { _tag: 'Fresh' }
  const epoch = readEpoch(folder)
  if (epoch === null) return unusable('MR_STATE_DAMAGED', 'epoch.json is missing or unreadable')
  if (epoch.v !== 1) return unusable('MR_STATE_FORMAT', `epoch.json has format ${epoch.v}, and only 1 is known`)
  if (epoch.app !== identity.app || epoch.task !== identity.task)
    return unusable('MR_TOPOLOGY_CHANGED', `it belongs to ${epoch.app}, ${epoch.task}`)
  if (epoch.format !== identity.format) return unusable('MR_STATE_FORMAT', `it has format ${epoch.format}, not ${identity.format}`)
  if (epoch.clean !== true && !isSameBoot(String(epoch.boot), bootMark(clock)))
    return unusable('MR_STATE_DAMAGED', 'the machine went down while it was in use, so parts of it may never have reached the disk')
  // A process that died may have died of a damaged page: a close look, lest it die of it at every start.
  const damage = damageOf(dataFile(folder), { deep: epoch.clean !== true })
  return damage === null ? { _tag: 'Existing' } : unusable(damage.code, damage.what)
}

/** An empty data file is one that LMDB was about to make when the process died. */
const hasData = (folder: string): boolean => existsSync(dataFile(folder)) && statSync(dataFile(folder)).size > 0

const readEpoch = (folder: string): Partial<Epoch> | null => {
  try {
    const read: unknown = JSON.parse(readFileSync(epochFile(folder), 'utf8'))
    return typeof read === 'object' && read !== null ? read : null
  } catch {
    return null // missing, unreadable or not JSON: all say that nobody can vouch for the data
  }
}

export const writeEpoch = (folder: string, identity: StateIdentity, clock: Clock, { clean }: { readonly clean: boolean }): void => {
  const epoch: Epoch = {
    v: 1,
    boot: bootMark(clock),
    clean,
    lmdb: lmdbDataVersion,
    app: identity.app,
    task: identity.task,
    format: identity.format,
  }
  writeDurably(epochFile(folder), `${JSON.stringify(epoch)}\n`)
}

/** The boot id of Linux; elsewhere `~` and the second of the boot, which drifts as the clock is set. */
const bootMark = (clock: Clock): string => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return `~${Math.round(clock.now() / 1000 - uptime())}`
  }
}

const isSameBoot = (a: string, b: string): boolean =>
  a === b || (a.startsWith('~') && b.startsWith('~') && Math.abs(Number(a.slice(1)) - Number(b.slice(1))) <= 30)

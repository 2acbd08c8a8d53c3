import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { MillraceError } from './errors.js'

/**
 * A file that one live process holds, also against itself. Node has no flock, so:
 * - the lock is taken by `link`, which is atomic and brings the content along;
 * - an owner is alive while a process of its pid and its start time runs on this boot of the machine, so a lock left by
 *   `kill -9`, by a reboot or by a pid that was used again does not count. Containers that see different pids must not
 *   share a folder;
 * - a dead owner is never removed by those who found it dead (two of them would remove each other's). Instead exactly one
 *   can link the file `<path>.<nonce of the dead one>`: a chain, whose last link is the owner, who then replaces `path`.
 */
export interface FileLock {
  /** Idempotent. */
  release(): void
}

interface Owner {
  readonly pid: number
  readonly started: string
  readonly boot: string
  readonly nonce: string
}

/** Null when a live process, or this one, holds it. Creates the folder. Throws `MR_STATE_WRITE` when the file cannot be written. */
export const tryLock = (path: string): FileLock | null => {
  const me: Owner = { ...self(), nonce: randomBytes(8).toString('hex') }
  const own = `${path}.${me.nonce}.new`
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(own, JSON.stringify(me))
    const held = climb(path, own)
    if (held) tidy(path, me.nonce)
    return held ? lockOf(path, me) : null
  } catch (error) {
    throw new MillraceError('MR_STATE_WRITE', `the lock ${path} cannot be written`, { cause: error })
  } finally {
    rmSync(own, { force: true })
  }
}

/** The pid of the live process that holds it. */
export const lockOwner = (path: string): number | null => {
  const last = lastLink(path)
  return last.owner !== null && isAlive(last.owner) ? last.owner.pid : null
}

const lockOf = (path: string, me: Owner): FileLock => ({
  release: () => {
    if (read(path)?.nonce === me.nonce) rmSync(path, { force: true })
  },
})

/** Takes the end of the chain for the owner written in `own`, and makes that the whole chain. */
const climb = (path: string, own: string): boolean => {
  for (;;) {
    const last = lastLink(path)
    if (last.owner !== null && isAlive(last.owner)) return false
    const free = last.owner === null ? path : `${path}.${last.owner.nonce}`
    if (!linkOnce(own, free)) continue
    if (free === path) return true
    // Whoever replaces `path` does so before it removes its link: ours counts only if the chain still leads to it.
    if (lastLink(path).file !== free) {
      rmSync(free, { force: true })
      continue
    }
    renameOver(own, path)
    return true
  }
}

const lastLink = (path: string): { readonly file: string; readonly owner: Owner | null } => {
  let file = path
  let owner = read(path)
  for (let next = owner; next !== null; next = read(file)) {
    owner = next
    const beyond = `${path}.${next.nonce}`
    if (read(beyond) === null) break
    file = beyond
  }
  return { file, owner }
}

const linkOnce = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

// rename of one link over another of the same file does nothing (POSIX), so the content is written once more.
const renameOver = (own: string, path: string): void => {
  const copy = `${own}2`
  writeFileSync(copy, readFileSync(own))
  renameSync(copy, path)
}

/** With a live owner in `path` no other link of the chain can count; a `.new` may be somebody's on the way in. */
const tidy = (path: string, nonce: string): void => {
  const prefix = `${basename(path)}.`
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(prefix) || name.startsWith(`${prefix}${nonce}`)) continue
    const kind = /^[0-9a-f]{16}(\.new2?)?$/.exec(name.slice(prefix.length))
    if (kind === null) continue
    const file = join(dirname(path), name)
    const comer = kind[1] === undefined ? null : parse(contentOf(file) ?? '')
    const isComing = kind[1] !== undefined && (comer === null || isAlive(comer))
    if (!isComing) rmSync(file, { force: true })
  }
}

/** A power loss can leave a file without its content: a dead owner, whose link must differ from the file itself. */
const damaged = (file: string): Owner => {
  const nonce = createHash('sha256').update(basename(file)).digest('hex').slice(0, 16)
  return { pid: 0, started: '', boot: '', nonce }
}

const read = (file: string): Owner | null => {
  const text = contentOf(file)
  return text === null ? null : (parse(text) ?? damaged(file))
}

const contentOf = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    throw error
  }
}

const parse = (text: string): Owner | null => {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null // bytes from a disk: looked at below
    if (typeof owner?.pid !== 'number' || typeof owner.nonce !== 'string') return null
    return { pid: owner.pid, started: String(owner.started), boot: String(owner.boot), nonce: owner.nonce }
  } catch {
    return null
  }
}

const isAlive = (owner: Owner): boolean => owner.pid > 0 && owner.boot === bootId() && owner.started === startOf(owner.pid)

const self = (): Omit<Owner, 'nonce'> => ({ pid: process.pid, started: startOf(process.pid) ?? '', boot: bootId() })

/** Changes with each boot where the system tells; a constant elsewhere, where start times are dates. */
const bootId = (): string => readText('/proc/sys/kernel/random/boot_id') ?? process.platform

/** When that process started, as its system writes it; null when it does not run. */
const startOf = (pid: number): string | null => {
  const stat = readText(`/proc/${pid}/stat`)
  // The name, field 2, is in brackets and may hold anything; field 3 is the state, field 22 the start time in ticks.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields) return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  if (process.platform === 'linux') return null
  return process.platform === 'win32' ? startOnWindows(pid) : startFromPs(pid)
}

const startFromPs = (pid: number): string | null => {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
  } catch {
    return null // ps ends with 1 when there is no such process
  }
}

// Windows tells no start time without a native call: a pid that was used again blocks the folder until it ends.
const startOnWindows = (pid: number): string | null => {
  try {
    process.kill(pid, 0)
    return 'running'
  } catch {
    return null
  }
}

const readText = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}

// Not instanceof: errors of node's own modules belong to another realm under jest and in vm contexts.
const isCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code

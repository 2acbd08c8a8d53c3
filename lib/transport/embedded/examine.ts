import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readdirSync, readFileSync, readSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../../core/errors.js'

/** Changes with what the databases hold and how. */
const format = 1
const marker = 'format.json'
const lmdbMagic = 0xbeefc0de
const pageHead = 24

export const dataFolder = (folder: string): string => join(folder, 'db')

/**
 * Looks at the folder of a log before LMDB does: a file it trusts and should not ends the process with a signal. The log is
 * the truth, so nothing is ever set aside or removed: what is wrong is for the user to decide.
 * Throws `MR_STATE_FORMAT` for a folder of something else or of another version, `MR_LOG_DAMAGED` for a file that is cut or overwritten.
 */
export const examine = (folder: string): void => {
  const file = join(dataFolder(folder), 'data.mdb')
  const mark = readMark(folder)
  if (mark === null && readdirSync(folder).some((name) => name !== `${marker}.new`))
    throw new MillraceError('MR_STATE_FORMAT', `the folder ${folder} is not empty, and is no log of millrace`)
  if (mark !== null && mark !== format)
    throw new MillraceError('MR_STATE_FORMAT', `the log in ${folder} has format ${mark}, and only ${format} is known`)
  const what = existsSync(file) ? damageOf(file) : null
  if (what !== null) throw new MillraceError('MR_LOG_DAMAGED', `the log in ${folder} is left as it is and cannot be opened: ${what}`)
  if (mark === null) writeMark(folder)
}

const readMark = (folder: string): number | null => {
  const path = join(folder, marker)
  if (!existsSync(path)) return null
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof read === 'object' && read !== null && 'format' in read) return Number(read.format)
  } catch (error) {
    throw new MillraceError('MR_LOG_DAMAGED', `${path} cannot be read`, { cause: error })
  }
  throw new MillraceError('MR_LOG_DAMAGED', `${path} does not say which format the log has`)
}

const writeMark = (folder: string): void => {
  const path = join(folder, marker)
  const fd = openSync(`${path}.new`, 'w')
  try {
    writeSync(fd, `${JSON.stringify({ what: 'millrace log', format })}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(`${path}.new`, path)
}

/** An empty file is one that LMDB was about to make when the process died. */
const damageOf = (path: string): string | null => {
  const fd = openSync(path, 'r')
  try {
    const { size } = fstatSync(fd)
    if (size === 0) return null
    const first = metaAt(fd, 0)
    const second = first && metaAt(fd, first.pageSize)
    if (!first || !second) return 'data.mdb has no meta pages of LMDB'
    const current = second.transaction > first.transaction ? second : first
    const needed = (current.lastPage + 1) * first.pageSize
    return size < needed ? `data.mdb has ${size} bytes and needs ${needed}` : null
  } finally {
    closeSync(fd)
  }
}

/** Layout: mdb.c of lmdb-js, data version 2. */
const metaAt = (
  fd: number,
  offset: number,
): { readonly pageSize: number; readonly lastPage: number; readonly transaction: bigint } | null => {
  const page = Buffer.alloc(pageHead + 136)
  if (readSync(fd, page, 0, page.length, offset) < page.length) return null
  const meta = page.subarray(pageHead)
  const pageSize = meta.readUInt32LE(24)
  if (meta.readUInt32LE(0) !== lmdbMagic || pageSize < 256 || pageSize > 65_536) return null
  return { pageSize, lastPage: Number(meta.readBigUInt64LE(120)), transaction: meta.readBigUInt64LE(128) }
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { ErrorCode } from '../core/errors.js'

/**
 * Looks at an LMDB file without opening it. The engine maps the file and trusts it: one that is cut or overwritten ends
 * the process with SIGBUS or SIGABRT, which nothing here could catch. So what can be seen beforehand is looked at:
 * the two meta pages, the length, and the roots of the trees. Layout: mdb.c of lmdb-js, data version 2.
 */
export interface Damage {
  readonly code: Extract<ErrorCode, 'MR_STATE_DAMAGED' | 'MR_STATE_FORMAT'>
  readonly what: string
}

const magic = 0xbeefc0de
export const lmdbDataVersion = 2
const pageHead = 24
const noPage = 0xffff_ffff_ffff_ffffn
const flags = { branch: 1, leaf: 2, meta: 8 } as const

interface MetaPage {
  readonly version: number
  readonly pageSize: number
  readonly roots: readonly bigint[]
  readonly lastPage: number
  readonly transaction: bigint
}

/** Null: nothing wrong was seen. */
export const damageOf = (path: string): Damage | null => {
  const fd = openSync(path, 'r')
  try {
    return inspect(fd, fstatSync(fd).size)
  } finally {
    closeSync(fd)
  }
}

const inspect = (fd: number, size: number): Damage | null => {
  const first = metaAt(fd, 0)
  const second = first === null ? null : metaAt(fd, first.pageSize)
  if (first === null || second === null) return damaged('it has no meta pages of LMDB')
  if (first.version !== lmdbDataVersion) return { code: 'MR_STATE_FORMAT', what: `it has data version ${first.version} of LMDB, not ${lmdbDataVersion}` }
  const current = second.transaction > first.transaction ? second : first
  // LMDB allows a shorter file whose last pages are free; none was in 3,600 random commits, and to be wrong costs a restore.
  const needed = (current.lastPage + 1) * first.pageSize
  if (size < needed) return damaged(`it has ${size} bytes and needs ${needed}`)
  const lost = current.roots.find((root) => root !== noPage && !isTreePage(fd, root, current, first.pageSize))
  return lost === undefined ? null : damaged(`page ${lost} is not the root of a tree`)
}

const damaged = (what: string): Damage => ({ code: 'MR_STATE_DAMAGED', what })

const metaAt = (fd: number, offset: number): MetaPage | null => {
  const page = Buffer.alloc(pageHead + 136)
  if (readSync(fd, page, 0, page.length, offset) < page.length) return null
  const meta = page.subarray(pageHead)
  const pageSize = meta.readUInt32LE(24)
  const isMeta = (page.readUInt16LE(18) & flags.meta) !== 0 && meta.readUInt32LE(0) === magic
  if (!isMeta || pageSize < 256 || pageSize > 65_536) return null
  return {
    version: meta.readUInt32LE(4) & 0xffff,
    pageSize,
    roots: [meta.readBigUInt64LE(64), meta.readBigUInt64LE(112)],
    lastPage: Number(meta.readBigUInt64LE(120)),
    transaction: meta.readBigUInt64LE(128),
  }
}

const isTreePage = (fd: number, root: bigint, meta: MetaPage, pageSize: number): boolean => {
  if (root > BigInt(meta.lastPage)) return false
  const head = Buffer.alloc(pageHead)
  readSync(fd, head, 0, pageHead, Number(root) * pageSize)
  return head.readBigUInt64LE(0) === root && (head.readUInt16LE(18) & (flags.branch | flags.leaf)) !== 0
}

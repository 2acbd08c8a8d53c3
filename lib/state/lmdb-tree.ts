/** The pages of an LMDB file, without LMDB. */
export interface PageFile {
  readonly pageSize: number
  readonly lastPage: number
  /** False when the file has no such page. */
  read(page: number, into: Buffer): boolean
}

/** A page that was led to, and whether it should hold a tree or one large value. */
interface Step {
  readonly page: number
  readonly isLarge: boolean
}

const head = 24
const branchFlag = 0x01
const leafFlag = 0x02
const largeFlag = 0x04
const largeValue = 0x01
const subTree = 0x02
const noPage = 0xffff_ffff_ffff_ffffn

/** Walks the trees from their roots, also those of the named databases. Null: every page fits what led to it. */
export const brokenPageOf = (file: PageFile, roots: readonly bigint[]): number | null => {
  const page = Buffer.alloc(file.pageSize)
  const open: Step[] = roots.filter((root) => root !== noPage).map((root) => ({ page: Number(root), isLarge: false }))
  // Each page is led to once; pages that lead to each other would be walked for ever.
  let left = file.lastPage + 1
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    if (left-- <= 0 || !fits(file, step, page)) return step.page
    const next = step.isLarge ? [] : childrenOf(page)
    if (next === null) return step.page
    for (const child of next) open.push(child)
  }
  return null
}

/** Reads the page: is it in the file, does it know its own number, is it of the right kind. */
const fits = (file: PageFile, { page, isLarge }: Step, into: Buffer): boolean => {
  if (!(page >= 2 && page <= file.lastPage) || !file.read(page, into) || into.readBigUInt64LE(0) !== BigInt(page)) return false
  const flags = into.readUInt16LE(18)
  if (isLarge) return (flags & largeFlag) !== 0 && page + into.readUInt32LE(20) - 1 <= file.lastPage
  return (flags & (branchFlag | leafFlag)) !== 0
}

/** What the nodes of a tree page lead to; null when they do not lie within it. */
const childrenOf = (page: Buffer): readonly Step[] | null => {
  const isBranch = (page.readUInt16LE(18) & branchFlag) !== 0
  const nodes = page.readUInt16LE(20) >> 1
  const children: Step[] = []
  if (head + 2 * nodes > page.length) return null
  for (let i = 0; i < nodes; i++) {
    const at = head + page.readUInt16LE(head + 2 * i)
    if (at + 8 > page.length) return null
    const flags = page.readUInt16LE(at + 4)
    if (isBranch) {
      children.push({ page: page.readUInt32LE(at) + flags * 2 ** 32, isLarge: false })
      continue
    }
    const value = at + 8 + page.readUInt16LE(at + 6)
    const length = (flags & largeValue) !== 0 ? 24 : page.readUInt32LE(at)
    if (value + length > page.length) return null
    if ((flags & largeValue) !== 0) children.push({ page: Number(page.readBigUInt64LE(value)), isLarge: true })
    else if ((flags & subTree) !== 0) {
      const root = length < 48 ? 0n : page.readBigUInt64LE(value + 40)
      if (root !== noPage) children.push({ page: Number(root), isLarge: false })
    }
  }
  return children
}

/** The keys of a map in order, sorted when somebody asks: what was added is merged in then, what was removed left out. */
export class KeyOrder {
  private keys: readonly string[] = []
  private added: string[]

  constructor(keys: Iterable<string> = []) {
    this.added = [...keys]
  }

  add(key: string): void {
    this.added.push(key)
  }

  sorted(present: ReadonlyMap<string, unknown>): readonly string[] {
    if (this.added.length > 0 || this.keys.length > 2 * present.size) {
      this.keys = merge(this.keys, this.added.sort(byText), present)
      this.added = []
    }
    return this.keys
  }
}

// Not localeCompare: code units are the bytes.
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const merge = (a: readonly string[], b: readonly string[], present: ReadonlyMap<string, unknown>): string[] => {
  const out: string[] = []
  let i = 0
  let j = 0
  for (;;) {
    const left = a[i]
    const right = b[j]
    if (left === undefined && right === undefined) return out
    const isLeft = right === undefined || (left !== undefined && left <= right)
    const next = isLeft ? left : right
    if (isLeft) i++
    else j++
    if (next !== undefined && next !== out[out.length - 1] && present.has(next)) out.push(next)
  }
}

/** The first position whose key is not less. */
export const lowerBound = (keys: readonly string[], key: string): number => {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The first position whose key is greater. */
export const upperBound = (keys: readonly string[], key: string): number => {
  const at = lowerBound(keys, key)
  return keys[at] === key ? at + 1 : at
}

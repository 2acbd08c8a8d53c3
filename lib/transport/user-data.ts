import type { HeldTask } from './port.js'

/** What a member tells the assignor with every join. */
export interface UserData {
  readonly nodeId: string
  readonly held: readonly HeldTask[]
}

const version = 1

/**
 * Version, length and bytes of the node id, number of sets, then per set: its index, how many partitions, each as the
 * distance from the one before. Numbers are base-128. Equal content gives equal bytes: a broker rebalances a group when a
 * member's bytes change.
 */
export const encodeUserData = (data: UserData): Buffer => {
  const bytes: number[] = [version]
  const id = Buffer.from(data.nodeId, 'utf8')
  put(bytes, id.length)
  bytes.push(...id)
  const sets = partitionsBySet(data.held)
  put(bytes, sets.length)
  for (const [set, partitions] of sets) {
    put(bytes, set)
    put(bytes, partitions.length)
    partitions.forEach((partition, i) => put(bytes, partition - (partitions[i - 1] ?? 0)))
  }
  return Buffer.from(bytes)
}

/** Never throws: what a later version appends is passed over, what cannot be read is a member that holds nothing. */
export const decodeUserData = (bytes: Uint8Array): UserData => {
  const input = new Input(bytes, 1)
  const idLength = input.number()
  const idEnd = input.at + idLength
  if ((bytes[0] ?? 0) < version || idEnd > bytes.length) return nothing
  const nodeId = Buffer.from(bytes.subarray(input.at, idEnd)).toString('utf8')
  input.at = idEnd
  const held: HeldTask[] = []
  for (let sets = input.number(); sets > 0 && !input.ended; sets--) {
    const set = input.number()
    let partition = 0
    for (let count = input.number(); count > 0; count--) {
      partition += input.number()
      if (input.ended) break
      held.push({ set, partition })
    }
  }
  return input.ended ? { nodeId, held: [] } : { nodeId, held }
}

const nothing: UserData = { nodeId: '', held: [] }

const partitionsBySet = (held: readonly HeldTask[]): (readonly [set: number, partitions: number[]])[] => {
  const sets = new Map<number, Set<number>>()
  for (const { set, partition } of held) sets.set(set, (sets.get(set) ?? new Set()).add(partition))
  return [...sets].sort(([a], [b]) => a - b).map(([set, partitions]) => [set, [...partitions].sort((a, b) => a - b)])
}

const put = (bytes: number[], value: number): void => {
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
}

class Input {
  /** More was read than there is. */
  ended = false

  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++]
      this.ended ||= byte === undefined || scale > 2 ** 35
      value += ((byte ?? 0) & 127) * scale
      if (this.ended || byte === undefined || byte < 128) return value
    }
  }
}

import { readCommitted, type CommittedRecord } from '../support/kafka/read-committed.js'
import { groupOf, outputsOf } from './messages.js'
import type { Mode } from './steps.js'

/** What an app was to do: which promise it works under, and what it was given. */
export interface Work {
  readonly id: string
  readonly mode: Mode
  /** Per partition: the keys in order of offset. */
  readonly written: readonly (readonly string[])[]
}

/** What is wrong with the outputs, in words, at most a few of each kind; nothing when the promises were kept. */
export const verdict = async (brokers: readonly string[], works: readonly Work[]): Promise<readonly string[]> => {
  const records = await readCommitted(
    brokers,
    works.flatMap(({ id }) => Object.values(outputsOf(id))),
  )
  return works.flatMap((work, i) => faultsOf(work, records.slice(3 * i)))
}

const faultsOf = (
  { mode, written }: Work,
  [passed = [], counts = [], groups = []]: readonly (readonly CommittedRecord[])[],
): readonly string[] => {
  const keys = written.flat()
  const values = written.flatMap((all, partition) => all.map((_, offset) => `${partition}:${offset}`))
  return mode === 'exactly-once'
    ? [
        ...few('passed', inOrder(passed, values)),
        ...few('counts', eachOnce(counts, tally(keys))),
        ...few('groups', eachOnce(groups, tally(keys.map(groupOf)))),
      ]
    : [
        ...few('passed', nothingLost(passed, values)),
        ...few('counts', reached(counts, tally(keys))),
        ...few('groups', reached(groups, tally(keys.map(groupOf)))),
      ]
}

const few = (topic: string, faults: readonly string[]): readonly string[] =>
  faults.length <= 5
    ? faults.map((fault) => `${topic}: ${fault}`)
    : [...faults.slice(0, 5).map((fault) => `${topic}: ${fault}`), `${topic}: ${faults.length - 5} more`]

/** Exactly the input, partition by partition, in its order. */
const inOrder = (records: readonly CommittedRecord[], expected: readonly string[]): readonly string[] => {
  const byPartition = grouped(records, ({ partition }) => partition)
  const seen = [...byPartition.keys()]
    .sort((a, b) => a - b)
    .flatMap((partition) => byPartition.get(partition)?.map(({ value }) => value) ?? [])
  const at = expected.findIndex((value, i) => seen[i] !== value)
  if (at >= 0) return [`expected ${String(expected[at])}, found ${String(seen[at])}; ${seen.length} records of ${expected.length}`]
  return seen.length === expected.length ? [] : [`${seen.length} records of ${expected.length}`]
}

const nothingLost = (records: readonly CommittedRecord[], expected: readonly string[]): readonly string[] => {
  const seen = new Set(records.map(({ value }) => value))
  return expected.filter((value) => !seen.has(value)).map((value) => `${value} is lost`)
}

/** Per key the updates 1, 2, 3 … as many as there were inputs. */
const eachOnce = (records: readonly CommittedRecord[], expected: ReadonlyMap<string, number>): readonly string[] => {
  const updates = grouped(records, ({ key }) => String(key))
  return [...expected].flatMap(([key, count]) => {
    const seen = updates.get(key)?.map(({ value }) => Number(value)) ?? []
    const at = seen.findIndex((value, i) => value !== i + 1)
    if (at >= 0) return [`update ${at + 1} of ${key} is ${String(seen[at])}`]
    return seen.length === count ? [] : [`${key} has ${seen.length} updates for ${count} inputs`]
  })
}

/** A count may be repeated, and may be too high; it has once been as high as there were inputs. */
const reached = (records: readonly CommittedRecord[], expected: ReadonlyMap<string, number>): readonly string[] => {
  const updates = grouped(records, ({ key }) => String(key))
  return [...expected].flatMap(([key, count]) => {
    const highest = (updates.get(key) ?? []).reduce((max, { value }) => Math.max(max, Number(value)), 0)
    return highest >= count ? [] : [`${key} was counted to ${highest} of ${count}`]
  })
}

const grouped = <A, K>(items: readonly A[], by: (item: A) => K): ReadonlyMap<K, readonly A[]> => {
  const groups = new Map<K, A[]>()
  for (const item of items) {
    const group = groups.get(by(item))
    if (group === undefined) groups.set(by(item), [item])
    else group.push(item)
  }
  return groups
}

const tally = (keys: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

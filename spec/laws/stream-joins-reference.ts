import type { Result, Sent } from './law.js'

export interface StreamJoinSettings {
  readonly kind: 'inner' | 'left' | 'outer'
  /** How far the right record may be before and after the left one. */
  readonly before: number
  readonly after: number
  readonly grace: number
}
export interface SidedRecord extends Sent {
  readonly side: 'left' | 'right'
}
interface Kept extends SidedRecord {
  readonly arrival: number
  isParked: boolean
}

/**
 * A join of streams in one partition, slow and obvious: it keeps every record there ever was and looks at all of them each time. One
 * list of results for each record.
 */
export const streamJoinReference = (
  { kind, before, after, grace }: StreamJoinSettings,
  taken: readonly SidedRecord[],
): readonly (readonly Result[])[] => {
  const all: Kept[] = []
  let streamTime = -1
  const sideTime = { left: -1, right: -1 }
  const isKept = ({ side }: SidedRecord): boolean => kind === 'outer' || (kind === 'left' && side === 'left')
  const alone = ({ side, key, value, time }: SidedRecord): Result => ['out', key, side === 'left' ? `${value}/-` : `-/${value}`, time]
  const isDue = ({ side, time }: SidedRecord): boolean => streamTime > time + (side === 'left' ? after : before) + grace
  const areWithin = (left: SidedRecord, right: SidedRecord): boolean => right.time >= left.time - before && right.time <= left.time + after

  /** In order of time; of one time the right ones first, then by key. */
  const unmatched = (): readonly Result[] => {
    const rank = ({ side }: Kept): number => (side === 'right' ? 0 : 1)
    const due = all.filter((kept) => kept.isParked && isDue(kept))
    due.sort((a, b) => a.time - b.time || rank(a) - rank(b) || order(a.key, b.key) || a.arrival - b.arrival)
    for (const kept of due) kept.isParked = false
    return due.map(alone)
  }

  return taken.map((record, arrival) => {
    if (record.value === null) return []
    if (record.key === null) return isKept(record) ? [alone(record)] : []
    streamTime = Math.max(streamTime, record.time)
    const results = [...unmatched()]
    sideTime[record.side] = Math.max(sideTime[record.side], record.time)
    const own: Kept = { ...record, arrival, isParked: false }
    all.push(own)
    const pair = (other: Kept): readonly [Kept, Kept] => (record.side === 'left' ? [own, other] : [other, own])
    const matches = all
      .filter((other) => other.side !== record.side && other.key === record.key)
      .filter((other) => other.time + before + after + grace > sideTime[other.side])
      .filter((other) => areWithin(...pair(other)))
      .sort((a, b) => a.time - b.time || a.arrival - b.arrival)
    for (const other of matches) {
      other.isParked = false
      const [l, r] = pair(other)
      results.push(['out', record.key, `${l.value}/${r.value}`, Math.max(l.time, r.time)])
    }
    if (matches.length > 0 || !isKept(record)) return results
    if (isDue(record)) return [...results, alone(record)]
    own.isParked = true
    return results
  })
}

const order = (a: string | null, b: string | null): number => (a === b ? 0 : (a ?? '') < (b ?? '') ? -1 : 1)

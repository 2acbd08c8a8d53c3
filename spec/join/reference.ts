/** What is sent to a join, in order of arrival. */
export interface Sent {
  readonly side: 'left' | 'right'
  readonly key: string | null
  readonly value: string | null
  readonly time: number
}
export interface Window {
  readonly before: number
  readonly after: number
  readonly grace: number
}
export type Kind = 'inner' | 'left' | 'outer'
export type Result = readonly [key: string | null, value: string, time: number]

interface Kept extends Sent {
  readonly at: number
  isParked: boolean
}

/**
 * A join of streams on one partition, slow and obvious: it keeps every record there ever was and looks at all of them each
 * time. One list of results for each record sent.
 */
export const referenceJoin = (sent: readonly Sent[], kind: Kind, { before, after, grace }: Window): readonly (readonly Result[])[] => {
  const all: Kept[] = []
  let streamTime = -1
  const sideTime = { left: -1, right: -1 }
  const takes = (side: Sent['side']) => kind === 'outer' || (kind === 'left' && side === 'left')
  const alone = ({ side, key, value, time }: Sent): Result => [key, side === 'left' ? `${value}-` : `-${value}`, time]
  const dueAt = ({ side, time }: Sent) => time + (side === 'left' ? after : before) + grace

  return sent.map((record, at) => {
    if (record.value === null) return []
    if (record.key === null) return takes(record.side) ? [alone(record)] : []
    const results: Result[] = []

    streamTime = Math.max(streamTime, record.time)
    const due = all.filter((kept) => kept.isParked && streamTime > dueAt(kept))
    const rank = (kept: Kept) => (kept.side === 'right' ? 0 : 1)
    due.sort((a, b) => a.time - b.time || rank(a) - rank(b) || order(a.key ?? '', b.key ?? '') || a.at - b.at)
    for (const kept of due) {
      kept.isParked = false
      results.push(alone(kept))
    }

    sideTime[record.side] = Math.max(sideTime[record.side], record.time)
    const own: Kept = { ...record, at, isParked: false }
    all.push(own)
    const matches = all
      .filter((other) => other.side !== record.side && other.key === record.key)
      .filter((other) => other.time + before + after + grace > sideTime[other.side])
      .filter((other) => {
        const [left, right] = record.side === 'left' ? [record, other] : [other, record]
        return right.time >= left.time - before && right.time <= left.time + after
      })
      .sort((a, b) => a.time - b.time || a.at - b.at)
    for (const other of matches) {
      other.isParked = false
      const [left, right] = record.side === 'left' ? [record, other] : [other, record]
      results.push([record.key, `${left.value}${right.value}`, Math.max(left.time, right.time)])
    }
    if (matches.length === 0 && takes(record.side)) {
      if (streamTime > dueAt(record)) results.push(alone(record))
      else own.isParked = true
    }
    return results
  })
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

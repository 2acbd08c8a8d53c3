import type { Result, Sent } from './law.js'

export type JoinKind = 'inner' | 'left' | 'outer'
export interface TableJoinSettings {
  readonly kind: JoinKind
  readonly isStored: boolean
  readonly leftHistory: number | null
  readonly rightHistory: number | null
}

interface Change {
  readonly value: string | null
  readonly time: number
}

/** A table that keeps every change there ever was. */
class AllChanges {
  private readonly changes = new Map<string, Change[]>()
  private streamTime = -1

  constructor(private readonly history: number | null) {}

  /** False: what follows hears nothing of it. */
  take(key: string, change: Change): boolean {
    this.streamTime = Math.max(this.streamTime, change.time)
    if (this.history !== null && change.time < this.streamTime - this.history) return false
    const before = this.newest(key)
    const all = this.changes.get(key) ?? []
    this.changes.set(key, all)
    const isNewest = this.history === null || before === null || change.time >= before.time
    all.push(change)
    return isNewest && (change.value !== null || (before?.value ?? null) !== null)
  }

  newest(key: string): Change | null {
    const all = this.changes.get(key) ?? []
    if (this.history === null) return all.at(-1) ?? null
    const last = Math.max(...all.map(({ time }) => time))
    return all.findLast(({ time }) => time === last) ?? null
  }

  /** As of a time, where there is a history, else as it is. */
  at(key: string, time: number): string | null {
    if (this.history === null) return this.newest(key)?.value ?? null
    const newest = this.newest(key)
    if (newest === null || (time < this.streamTime - this.history && time < newest.time)) return null
    const all = this.changes.get(key) ?? []
    const last = Math.max(...all.filter((change) => change.time <= time).map((change) => change.time))
    return all.findLast((change) => change.time === last)?.value ?? null
  }
}

const paired = (kind: JoinKind, left: string | null, right: string | null): string | null => {
  if (left === null && right === null) return null
  if (kind === 'inner' && (left === null || right === null)) return null
  if (kind === 'left' && left === null) return null
  return `${left ?? '-'}/${right ?? '-'}`
}

/** Each change of either table, joined with the row the other has. */
export const tableJoinReference = (settings: TableJoinSettings, taken: readonly Sent[]): readonly (readonly Result[])[] => {
  const { kind } = settings
  const tables = { left: new AllChanges(settings.leftHistory), right: new AllChanges(settings.rightHistory) }
  return taken.map(({ to, key, value, time }) => {
    if (key === null) return []
    const side = to === 'left' ? 'left' : 'right'
    const other = tables[side === 'left' ? 'right' : 'left'].newest(key)
    const before = tables[side].newest(key)?.value ?? null
    if (!tables[side].take(key, { value, time })) return []
    const join = (own: string | null): string | null =>
      side === 'left' ? paired(kind, own, other?.value ?? null) : paired(kind, other?.value ?? null, own)
    const [was, is] = [join(before), join(value)]
    if (was === null && is === null) return []
    return [['out', key, is, Math.max(time, other === null || other.value === null ? -1 : other.time)]]
  })
}

export interface StreamTableSettings {
  readonly kind: 'inner' | 'left'
  readonly history: number | null
  readonly grace: number | null
}

/** Each stream record, joined with the row there is, or was; held back for as long as grace says. */
export const streamTableReference = (
  { kind, history, grace }: StreamTableSettings,
  taken: readonly Sent[],
): readonly (readonly Result[])[] => {
  const table = new AllChanges(history)
  let held: (Sent & { readonly arrival: number })[] = []
  let streamTime = -1
  const joined = ({ key, value, time }: Sent): Result[] => {
    const row = key === null ? null : table.at(key, time)
    const result = paired(kind, value, row)
    return result === null ? [] : [['out', key, result, time]]
  }
  return taken.map((record, arrival) => {
    const { to, key, value, time } = record
    if (to === 'right') {
      if (key !== null) table.take(key, { value, time })
      return []
    }
    if (value === null) return []
    if (key === null || grace === null) return joined(record)
    streamTime = Math.max(streamTime, time)
    if (time + grace < streamTime) return joined(record)
    held.push({ ...record, arrival })
    const isDue = (one: Sent): boolean => one.time + grace <= streamTime
    const due = held.filter(isDue).sort((a, b) => a.time - b.time || order(a.key, b.key) || a.arrival - b.arrival)
    held = held.filter((one) => !isDue(one))
    return due.flatMap(joined)
  })
}

const order = (a: string | null, b: string | null): number => (a === b ? 0 : (a ?? '') < (b ?? '') ? -1 : 1)

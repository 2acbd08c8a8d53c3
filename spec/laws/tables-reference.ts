import type { Result, Sent } from './law.js'
import { foldings } from './windows-reference.js'

export interface TableSettings {
  readonly from: 'table' | 'toTable' | 'count' | 'reduce' | 'aggregate' | 'cogroup'
  readonly ttl: number | null
  readonly views: readonly View[]
  readonly end: 'rows' | 'changes'
}
export interface View {
  readonly verb: 'filter' | 'map'
  readonly isStored: boolean
}

/** What the lambdas of the views do, here and in the plan. */
export const passes = (row: string): boolean => !row.startsWith('x')
export const mapped = (row: string): string | null => (row.startsWith('y') ? null : `${row}!`)

export interface Row {
  readonly value: string
  readonly time: number
}
/** Undefined: none. */
export interface RowChange {
  readonly key: string
  readonly before: string | undefined
  readonly after: string | undefined
  readonly time: number
}

/** The changes of a table and of what is derived from it, worked out record by record from all rows there are. */
export const tableReference = ({ from, ttl, views, end }: TableSettings, taken: readonly Sent[]): readonly (readonly Result[])[] => {
  const rows = new Map<string, Row>()
  let streamTime = -1
  const isFolded = from !== 'table' && from !== 'toTable'
  const isExpired = (time: number): boolean => ttl !== null && time + ttl <= streamTime

  const afterOf = ({ value, time, to }: Sent, row: Row | undefined): Row | undefined => {
    if (value === null) return undefined
    if (!isFolded) return { value, time }
    return { value: foldings[from].add(row?.value, value, to), time: Math.max(time, row?.time ?? -1) }
  }

  const changesOf = (record: Sent): readonly RowChange[] => {
    const { key, value, time } = record
    if (key === null || (isFolded && value === null)) return []
    streamTime = Math.max(streamTime, time)
    const told = rows.get(key)
    const after = afterOf(record, told && isExpired(told.time) ? undefined : told)
    rows.delete(key)
    if (after !== undefined && !isExpired(after.time)) rows.set(key, after)
    const gone = [...rows].filter(([other, row]) => other !== key && isExpired(row.time))
    gone.sort(([a, { time: at }], [b, { time: bt }]) => at - bt || (a < b ? -1 : 1))
    for (const [other] of gone) rows.delete(other)
    const left = gone.map(([other, row]) => ({ key: other, before: row.value, after: undefined, time: row.time + (ttl ?? 0) }))
    const own = { key, before: told?.value, after: rows.get(key)?.value, time: after?.time ?? time }
    return own.before === undefined && own.after === undefined ? left : [...left, own]
  }

  const viewed = (change: RowChange): RowChange | null => {
    const see = (row: string | undefined): string | undefined =>
      views.reduce<string | undefined>((seen, { verb }) => {
        if (seen === undefined) return undefined
        return verb === 'map' ? (mapped(seen) ?? undefined) : passes(seen) ? seen : undefined
      }, row)
    const [before, after] = [see(change.before), see(change.after)]
    return before === undefined && after === undefined ? null : { ...change, before, after }
  }

  const told = ({ key, before, after, time }: RowChange): Result => {
    return ['out', key, end === 'rows' ? (after ?? null) : `${before ?? 'null'}>${after ?? 'null'}`, time]
  }
  return taken.map((record) =>
    changesOf(record)
      .map(viewed)
      .flatMap((change) => (change === null ? [] : [told(change)])),
  )
}

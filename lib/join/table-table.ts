import { none, some, type Option } from 'fp-ts/lib/Option.js'
import * as These from 'fp-ts/lib/These.js'
import { perRecord, settled } from '../operators/per-record.js'
import { inOrderOfKeys } from '../table/lookup.js'
import { isAbsent } from '../table/row.js'
import type { Entry, Lookup, PerRecord, RowChange, TableStore } from '../topology/operator.js'

export type RowJoiner<V, W, R> =
  | { readonly kind: 'inner'; readonly join: (left: V, right: W) => R }
  | { readonly kind: 'left'; readonly join: (left: V, right: Option<W>) => R }
  | { readonly kind: 'outer'; readonly join: (sides: These.These<V, W>) => R }

interface SidedChange {
  readonly side: 'left' | 'right'
  readonly change: RowChange<unknown>
}

/** Says which table a change is of, before both flow into one. */
export const sidedChange = (label: string, side: 'left' | 'right'): PerRecord =>
  perRecord(label, (record, emit) => {
    const sided: SidedChange = { side, change: record.value }
    emit(record.withValue(sided))
  })

/** The row of the result, or none. */
const rowOf = <V, W, R>(joiner: RowJoiner<V, W, R>, label: string): ((left: V | undefined, right: W | undefined) => R | undefined) => {
  const result = (left: V | undefined, right: W | undefined): R | undefined => {
    switch (joiner.kind) {
      case 'inner':
        return left === undefined || right === undefined ? undefined : joiner.join(left, right)
      case 'left':
        return left === undefined ? undefined : joiner.join(left, right === undefined ? none : some(right))
      case 'outer':
        if (left === undefined) return right === undefined ? undefined : joiner.join(These.right(right))
        return joiner.join(right === undefined ? These.left(left) : These.both(left, right))
    }
  }
  return (left, right) => {
    const row = settled(result(left, right), label)
    return isAbsent(row) ? undefined : row
  }
}

interface TableJoinOptions<K, V, W, R> {
  readonly label: string
  readonly joiner: RowJoiner<V, W, R>
  readonly left: Lookup<K, V>
  readonly right: Lookup<K, W>
}
interface Told {
  /** What follows knows what was told before, so it hears of every change, also where both sides are gone at once. */
  readonly isStored: boolean
}

/** A change of either side, joined with what the other has now. The result has the larger of the two times. */
export const joinTables = <K, V, W, R>({ label, joiner, left, right, isStored }: TableJoinOptions<K, V, W, R> & Told): PerRecord => ({
  kind: 'per-record',
  label,
  writes: false,
  open: (task) => {
    const rows = { left: left.open(task), right: right.open(task) }
    const join = rowOf(joiner, label)
    return (record, emit) => {
      const { side, change }: SidedChange = record.value
      const other = side === 'left' ? rows.right.get(record.key) : rows.left.get(record.key)
      // The DSL has typed the sides.
      const joined = (own: unknown): R | undefined =>
        side === 'left'
          ? join(own as V | undefined, other?.value as W | undefined)
          : join(other?.value as V | undefined, own as W | undefined)
      const [before, after] = [joined(change.before), joined(change.after)]
      if (before === undefined && after === undefined && !isStored) return
      const beforeTimestamp = before === undefined ? -1 : Math.max(change.beforeTimestamp, other?.timestamp ?? -1)
      const result: RowChange<R> = { before, beforeTimestamp, after }
      emit(record.withValue(result).withTimestamp(Math.max(record.timestamp, other?.timestamp ?? -1)))
    }
  },
})

/** The rows of the join, worked out whenever they are looked at. */
export const joinLookup = <K, V, W, R>({ label, joiner, left, right }: TableJoinOptions<K, V, W, R>): Lookup<K, R> => ({
  open: (stores) => {
    const [lefts, rights] = [left.open(stores), right.open(stores)]
    const join = rowOf(joiner, label)
    const entryOf = (l: Entry<V> | undefined, r: Entry<W> | undefined): Entry<R> | undefined => {
      const value = join(l?.value, r?.value)
      return value === undefined ? undefined : { value, timestamp: Math.max(l?.timestamp ?? -1, r?.timestamp ?? -1) }
    }
    const view: TableStore<K, R> = {
      get: (key) => entryOf(lefts.get(key), rights.get(key)),
      *entries(range) {
        for (const [key, l, r, encoded] of inOrderOfKeys(lefts.entries(range), rights.entries(range), range?.reverse === true)) {
          const entry = entryOf(l, r)
          if (entry) yield [key, entry, encoded]
        }
      },
    }
    return view
  },
})

import { none, some, type Option } from 'fp-ts/lib/Option.js'
import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { murmur2 } from '../core/murmur2.js'
import type { Fn } from '../core/record.js'
import { perRecord, settled } from '../operators/per-record.js'
import { changeOf, isAbsent, rowMeta } from '../table/row.js'
import { openRows } from '../table/rows.js'
import type { AnyRec, Emit, Entry, KeyedStore, Lookup, PerRecord, RowChange, StoreSpec, TableStore } from '../topology/operator.js'
import type { Answer, Subscription, SubscriptionKey } from './foreign-key-codec.js'

/*
 * A foreign-key join goes round: a left row asks at the partition of its foreign key (`subscribes`), which keeps who has asked and
 * answers now and whenever its row changes (`answers`), to the partition of the left row (`joinAnswers`). An answer says for which
 * left row it is; one for a row that has changed meanwhile is dropped, for the new row has asked, too. Unless it had nobody to ask:
 * then the result that the row before may have had goes with what comes back for that one.
 */

export type ForeignJoiner<V, W, R> =
  | { readonly left: false; readonly join: (left: V, right: W) => R }
  | { readonly left: true; readonly join: (left: V, right: Option<W>) => R }

const noVersion = Buffer.alloc(0)

/** Of a left row: what an answer must bring back. 64 bits, in less than half the time that a digest of `node:crypto` takes. */
const versionOf = <V>(value: Codec<V>, row: V): Buffer => {
  const bytes = value.encode(row)
  if (bytes === null) return noVersion
  const version = Buffer.allocUnsafe(8)
  version.writeInt32BE(murmur2(bytes), 0)
  version.writeInt32BE(murmur2(bytes, otherSeed), 4)
  return version
}
const otherSeed = 0x5f3759df

/** A left change that nobody on the right has to be asked about. */
export interface Unasked {
  readonly isUnasked: true
}
const unasked: Unasked = Object.freeze({ isUnasked: true })

interface LeftOptions<K, V, J> {
  readonly on: Fn<K, V, J | null>
  readonly key: Codec<K>
  readonly value: Codec<V>
  readonly rightKey: Codec<J>
  readonly isLeftJoin: boolean
  readonly label: string
}

/** Branch 0: to the right side, by foreign key. Branch 1: what the left side settles alone. */
export const subscribes = <K, V, J>({ on, key, value, rightKey, isLeftJoin, label }: LeftOptions<K, V, J>) => {
  const foreign = (row: V | undefined, of: K, timestamp: number): J | null => {
    const found = row === undefined ? null : settled(on(row, rowMeta(of, timestamp)), label)
    return isAbsent(found) ? null : found
  }
  const isSame = (a: J, b: J): boolean => a === b || asBuffer(rightKey.encode(a) ?? noVersion).equals(rightKey.encode(b) ?? noVersion)
  return (record: AnyRec, [ask, alone]: readonly Emit[]): void => {
    const { before, beforeTimestamp, after }: RowChange<V> = record.value
    const left: K = record.key
    const [was, is] = [foreign(before, left, beforeTimestamp), foreign(after, left, record.timestamp)]
    const leftKey = asBuffer(key.encode(left) ?? noVersion)
    const version = after === undefined ? noVersion : versionOf(value, after)
    const send = (to: J, how: Subscription['ask']): void => {
      const subscription: Subscription = { leftKey, version, ask: how }
      ask?.(record.withValue(subscription).withKey(to))
    }
    if (is !== null) {
      if (was !== null && !isSame(was, is)) send(was, 'leave')
      return send(is, 'subscribe')
    }
    // An inner result goes with the row it was joined to, whose time only the right side knows.
    if (was !== null) send(was, isLeftJoin ? 'leave' : 'leave and tell')
    if (isLeftJoin) alone?.(record.withValue(unasked))
  }
}

/** Says that a change is of the right table, before it meets the subscriptions. */
class RightChange {
  constructor(readonly change: RowChange<unknown>) {}
}
export const rightChange = (label: string): PerRecord =>
  perRecord(label, (record, emit) => emit(record.withValue(new RightChange(record.value as RowChange<unknown>))))

interface RightOptions<K, J, W> {
  readonly label: string
  readonly leftKey: Codec<K>
  readonly rightKey: Codec<J>
  readonly right: Lookup<J, W>
  readonly subscriptions: StoreSpec<SubscriptionKey, Buffer>
}

/** Answers each subscriber of a right row, when it asks and when the row changes. */
export const answers = <K, J, W>(options: RightOptions<K, J, W>): PerRecord => ({
  kind: 'per-record',
  label: options.label,
  writes: true,
  open: (task) => {
    const side = new RightSide<K, J, W>(options, task.store(options.subscriptions), options.right.open(task))
    return (record, emit) => {
      const value: RightChange | Subscription = record.value
      if (value instanceof RightChange) side.changed(record, value.change, emit)
      else side.asked(record, value, emit)
    }
  },
})

class RightSide<K, J, W> {
  /** By right key: the version of each subscriber, by left key. */
  private readonly index = new Map<string, Map<string, Buffer>>()

  constructor(
    private readonly options: RightOptions<K, J, W>,
    private readonly store: KeyedStore<SubscriptionKey, Buffer>,
    private readonly rows: TableStore<J, W>,
  ) {
    for (const [{ rightKey, leftKey }, { value }] of store.entries()) this.subscribersOf(text(rightKey)).set(text(leftKey), value)
  }

  asked(record: AnyRec, { leftKey, version, ask }: Subscription, emit: Emit): void {
    const { timestamp } = record
    const rightKey = this.keyOf(record)
    const subscribers = this.subscribersOf(text(rightKey))
    const row = this.rows.get(record.key as J)
    if (ask === 'subscribe') {
      this.store.set({ rightKey, leftKey }, version, timestamp)
      subscribers.set(text(leftKey), version)
    } else {
      this.store.delete({ rightKey, leftKey }, timestamp)
      subscribers.delete(text(leftKey))
      if (subscribers.size === 0) this.index.delete(text(rightKey))
    }
    if (ask === 'leave') return
    const right = ask === 'subscribe' ? row?.value : undefined
    this.answer(record, leftKey, { version, right }, Math.max(timestamp, row?.timestamp ?? -1), emit)
  }

  changed(record: AnyRec, { after }: RowChange<unknown>, emit: Emit): void {
    const subscribers = this.index.get(text(this.keyOf(record)))
    if (subscribers === undefined) return
    for (const [leftKey, version] of subscribers)
      // The DSL has typed the right table.
      this.answer(record, Buffer.from(leftKey, 'latin1'), { version, right: after as W | undefined }, record.timestamp, emit)
  }

  private answer(record: AnyRec, leftKey: Buffer, answer: Answer<W>, timestamp: number, emit: Emit): void {
    emit(record.withKey(this.options.leftKey.decode(leftKey)).withValue(answer).withTimestamp(timestamp))
  }

  private keyOf(record: AnyRec): Buffer {
    return asBuffer(this.options.rightKey.encode(record.key as J) ?? noVersion)
  }

  private subscribersOf(rightKey: string): Map<string, Buffer> {
    let found = this.index.get(rightKey)
    if (found === undefined) this.index.set(rightKey, (found = new Map()))
    return found
  }
}

const text = (bytes: Uint8Array): string => asBuffer(bytes).toString('latin1')

interface ResultOptions<K, V, W, R> {
  readonly label: string
  readonly on: Fn<K, V, unknown>
  readonly joiner: ForeignJoiner<V, W, R>
  readonly left: Lookup<K, V>
  readonly leftValue: Codec<V>
  readonly rows: StoreSpec<K, R>
}

/** Joins each answer with the left row it is for, if that is still the row there is. */
export const joinAnswers = <K, V, W, R>({ label, on, joiner, left, leftValue, rows }: ResultOptions<K, V, W, R>): PerRecord => ({
  kind: 'per-record',
  label,
  writes: true,
  open: (task) => {
    const [lefts, results] = [left.open(task), openRows(task, rows, label)]
    const join = (row: V, right: W | undefined): R | undefined => {
      if (joiner.left) return joiner.join(row, right === undefined ? none : some(right))
      return right === undefined ? undefined : joiner.join(row, right)
    }
    const isCurrent = ({ version }: Answer<W>, row: Entry<V> | undefined): boolean =>
      version.equals(row === undefined ? noVersion : versionOf(leftValue, row.value))
    const hasAsked = (key: K, row: Entry<V> | undefined): boolean =>
      row !== undefined && !isAbsent(settled(on(row.value, rowMeta(key, row.timestamp)), label))
    return (record, emit) => {
      const value: Answer<W> | Unasked = record.value
      const row = lefts.get(record.key as K)
      const isStale = !('isUnasked' in value) && !isCurrent(value, row)
      if (isStale && (joiner.left || hasAsked(record.key as K, row))) return
      const right = isStale || 'isUnasked' in value ? undefined : value.right
      const result = row === undefined ? undefined : settled(join(row.value, right), label)
      const key: K = record.key
      const { timestamp } = record
      const change = results.write(key, results.told(key), result, timestamp, timestamp)
      results.moveTo(record, emit)
      if (change) emit(changeOf(record, change, timestamp))
    }
  },
})

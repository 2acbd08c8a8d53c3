import { none, some, type Option } from 'fp-ts/lib/Option.js'
import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import { murmur2 } from '../core/murmur2.js'
import { Rec, type Fn } from '../core/record.js'
import { perRecord, settled } from '../operators/per-record.js'
import { changeOf, isAbsent, rowMeta } from '../table/row.js'
import { openRows } from '../table/rows.js'
import type {
  AnyRec,
  Emit,
  Entry,
  KeyedStore,
  Lookup,
  PerRecord,
  RowChange,
  RowPlace,
  StoreSpec,
  TableStore,
} from '../topology/operator.js'
import { keyTexts, type KeyTexts } from './key-texts.js'
import { noRow, type Answer, type Subscription, type SubscriptionKey, type Version } from './foreign-key-codec.js'

/*
 * A foreign-key join goes round: a left row asks at the partition of its foreign key (`subscribes`), which keeps who has asked and
 * answers now and whenever its row changes (`answers`), to the partition of the left row (`joinAnswers`). An answer says for which
 * left row it is; one for a row that has changed meanwhile is dropped, for the new row has asked, too. Unless it had nobody to ask:
 * then the result that the row before may have had goes with what comes back for that one.
 */

export type ForeignJoiner<V, W, R> =
  | { readonly left: false; readonly join: (left: V, right: W) => R }
  | { readonly left: true; readonly join: (left: V, right: Option<W>) => R }

const noBytes = Buffer.alloc(0)

/** Of a left row: what an answer must bring back. As many bits of two hashes as a number takes exactly. */
const versionOf = <V>(value: Codec<V>, row: V): Version => {
  const bytes = value.encode(row)
  return bytes === null ? noRow : (murmur2(bytes) >>> 0) * 2 ** 21 + (murmur2(bytes, otherSeed) >>> 11)
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
  const isSame = (a: J, b: J): boolean => a === b || asBuffer(rightKey.encode(a) ?? noBytes).equals(rightKey.encode(b) ?? noBytes)
  const { textOf } = keyTexts(key)
  return (record: AnyRec, [ask, alone]: readonly Emit[]): void => {
    const { before, beforeTimestamp, after }: RowChange<V> = record.value
    const left: K = record.key
    const [was, is] = [foreign(before, left, beforeTimestamp), foreign(after, left, record.timestamp)]
    const leftKey = textOf(left) ?? ''
    const version = after === undefined ? noRow : versionOf(value, after)
    const send = (to: J, how: Subscription['ask']): void => {
      const subscription: Subscription = { leftKey, version, ask: how }
      ask?.(new Rec(to, subscription, record.timestamp, record.ownHeaders, record.origin))
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
  readonly subscriptions: StoreSpec<SubscriptionKey, Version>
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

/** A left row that has asked. */
interface Subscriber {
  readonly key: SubscriptionKey
  version: Version
  place: RowPlace | undefined
}
type Subscribers = Map<string, Subscriber>

class RightSide<K, J, W> {
  /** By right key, then by left key. */
  private readonly index = new Map<string, Subscribers>()
  private readonly leftKeys: KeyTexts<K>
  private readonly rightKeys: KeyTexts<J>

  constructor(
    { leftKey, rightKey }: RightOptions<K, J, W>,
    private readonly store: KeyedStore<SubscriptionKey, Version>,
    private readonly rows: TableStore<J, W>,
  ) {
    this.leftKeys = keyTexts(leftKey)
    this.rightKeys = keyTexts(rightKey)
    for (const [key, { value: version }] of store.entries())
      this.subscribersOf(key.rightKey).set(key.leftKey, { key, version, place: undefined })
  }

  asked(record: AnyRec, { leftKey, version, ask }: Subscription, emit: Emit): void {
    const { timestamp } = record
    const rightKey = this.keyOf(record)
    const row = this.rows.get(record.key as J)
    if (ask === 'subscribe') this.subscribe(rightKey, leftKey, version, timestamp)
    else this.leave(rightKey, leftKey, timestamp)
    if (ask === 'leave') return
    const right = ask === 'subscribe' ? row?.value : undefined
    this.answer(record, leftKey, { version, right }, Math.max(timestamp, row?.timestamp ?? -1), emit)
  }

  changed(record: AnyRec, { after }: RowChange<unknown>, emit: Emit): void {
    for (const [leftKey, { version }] of this.index.get(this.keyOf(record)) ?? [])
      // The DSL has typed the right table.
      this.answer(record, leftKey, { version, right: after as W | undefined }, record.timestamp, emit)
  }

  private subscribe(rightKey: string, leftKey: string, version: Version, timestamp: number): void {
    const subscribers = this.subscribersOf(rightKey)
    const known = subscribers.get(leftKey)
    if (known !== undefined) {
      known.version = version
      known.place = this.store.set(known.key, version, timestamp, known.place)
    } else {
      const key = { rightKey, leftKey }
      subscribers.set(leftKey, { key, version, place: this.store.insert(key, version, timestamp) })
    }
  }

  private leave(rightKey: string, leftKey: string, timestamp: number): void {
    const subscribers = this.index.get(rightKey)
    const known = subscribers?.get(leftKey)
    if (subscribers === undefined || known === undefined) return
    this.store.delete(known.key, timestamp, known.place)
    subscribers.delete(leftKey)
    if (subscribers.size === 0) this.index.delete(rightKey)
  }

  private answer(record: AnyRec, leftKey: string, answer: Answer<W>, timestamp: number, emit: Emit): void {
    emit(new Rec(this.leftKeys.keyOf(leftKey), answer, timestamp, record.ownHeaders, record.origin))
  }

  private keyOf(record: AnyRec): string {
    return this.rightKeys.textOf(record.key as J) ?? ''
  }

  private subscribersOf(rightKey: string): Subscribers {
    let found = this.index.get(rightKey)
    if (found === undefined) this.index.set(rightKey, (found = new Map()))
    return found
  }
}

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
      version === (row === undefined ? noRow : versionOf(leftValue, row.value))
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

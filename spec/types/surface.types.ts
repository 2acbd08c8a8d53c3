// What must not compile, and what must be inferred. Compiled by tsc, never run.
import {
  agg,
  codec,
  policy,
  topic,
  type Aggregator,
  type App,
  type BatchSink,
  type Change,
  type GlobalTable,
  type KGroup,
  type KRecord,
  type KStream,
  type KTable,
  type Topic,
} from 'millrace'
import * as E from 'fp-ts/lib/Either.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { These } from 'fp-ts/lib/These.js'
import { distinctUntilChanged, filter, map, type Observable } from 'rxjs'
import type { Equal, Expect } from '../support/types.js'

interface Order {
  readonly id: string
  readonly user: string
  readonly amount: number
}
interface User {
  readonly name: string
}
declare const app: App
const orders = topic('orders', { key: codec.string, value: codec.json<Order>(), timestamp: (order) => order.amount })
const users = topic('users', { key: codec.string, value: codec.json<User>() })
const fees = topic('fees', { key: codec.number, value: codec.number })
const loose = topic<Order>('loose')
const s = app.stream(orders)
const t = app.table(users)
const g = app.globalTable(fees)

/* ------------------------------------------------------------ descriptors */

topic('x', {
  key: codec.string,
  value: codec.number,
  // @ts-expect-error a time is a number
  timestamp: (n) => String(n),
})
// @ts-expect-error both codecs, or none
topic('x', { key: codec.string })

/* --------------------------------------------------------------- variance */

const asObservable: Observable<{ readonly value: Order }> = s
const asKeyed: KStream<string | null, Pick<Order, 'user'>> = s
// @ts-expect-error a topic of strings does not take orders
s.toTopic(topic('x', { key: codec.string, value: codec.string }))
// @ts-expect-error nor one whose keys are numbers
s.toTopic(topic('x', { key: codec.number, value: codec.json<Order>() }))
s.toTopic(topic('wider', { key: codec.nullable(codec.string), value: codec.json<Pick<Order, 'id'>>() }))
s.toTopic((order) => (order.amount > 1 ? orders : topic('other', orders)))
const warehouse: BatchSink<string | null, Pick<Order, 'id'>> = { name: 'warehouse', write: () => Promise.resolve() }
s.toSink(warehouse)
// @ts-expect-error a descriptor of one topic is not one of another
const notUsers: Topic<string, User> = orders

/* ---------------------------------------------------------------- streams */

// @ts-expect-error rx must keep records
s.rx((o: Observable<unknown>) => o as Observable<number>)
const changed = s.rx(distinctUntilChanged((a, b) => a.value.amount === b.value.amount))
const amounts = s.rx(
  filter((record) => record.value.amount > 1),
  map((record) => ({ ...record, value: record.value.amount })),
)
const piped = s.pipe(map((record) => record.value.amount))
const { big, rest } = s.split({ big: (o) => o.amount > 10 })
// @ts-expect-error no such branch
void s.split({ big: (o) => o.amount > 10 }).small
const n: KStream<string, number> = big.mergeWith(rest).map((o) => o.amount)
const gold = s
  .filter((o): o is Order & { amount: 1 } => o.amount === 1)
  .map((o) => {
    const one: 1 = o.amount
    return one
  })
const words = s.flatMap((o) => o.id.match(/\p{L}+/gu) ?? [])
const answered = s.mapAsync(async (order, meta, signal) => ({ key: meta.key, ok: signal.aborted, order }), {
  concurrency: 2,
  order: 'key',
  timeout: '2s',
  retry: { times: 1 },
})
// @ts-expect-error '5 minutes' is not a Duration
s.mapAsync(async () => 1, { timeout: '5 minutes' })
// @ts-expect-error mapAsync takes a promise
s.mapAsync((order) => order.id)
const { left, right } = s.mapEither((o) => (o.amount > 0 ? E.right(o.amount) : E.left(o.id)))
const mixed = s.mergeWith(app.stream(loose).map(() => 1))
const keyed = s.keyBy((order, { key }) => `${key}${order.user}`, codec.string)
// @ts-expect-error the codec writes numbers
s.keyBy((order) => order.user, codec.number)
// @ts-expect-error the codec writes numbers
s.encodedAs(codec.number)
// @ts-expect-error the same key and value
s.through(users)
// @ts-expect-error a duration, not a text
app.stream(orders, { maxAhead: 'tomorrow' })
const several = app.stream([orders, topic('returns', orders)])

type Streams = [
  Expect<Equal<typeof s, KStream<string, Order>>>,
  Expect<Equal<typeof changed, KStream<string, Order>>>,
  Expect<Equal<typeof amounts, KStream<string, number>>>,
  Expect<Equal<typeof piped, Observable<number>>>,
  Expect<Equal<typeof rest, KStream<string, Order>>>,
  Expect<Equal<typeof gold, KStream<string, 1>>>,
  Expect<Equal<typeof words, KStream<string, string>>>,
  Expect<Equal<typeof answered, KStream<string, { key: string; ok: boolean; order: Order }>>>,
  Expect<Equal<typeof left, KStream<string, string>>>,
  Expect<Equal<typeof right, KStream<string, number>>>,
  Expect<Equal<typeof mixed, KStream<string | null, number | Order>>>,
  Expect<Equal<typeof keyed, KStream<string, Order>>>,
  Expect<Equal<typeof several, KStream<string, Order>>>,
]

/* ------------------------------------------------------- groups and tables */

const noMerge: Aggregator<string, Order, number> = { empty: 0, add: (a) => a + 1 }
const byUser = s.groupBy((order) => order.user, codec.string)
const count = byUser.count({ name: 'n', value: codec.number, store: 'memory' })
const parts = agg.struct({ orders: agg.count, spend: agg.sum((o: Order) => o.amount) })
const spent = s.groupByKey().aggregate(parts)
s.groupByKey().aggregate(noMerge)
spent.map(({ orders: placed, spend }) => placed + spend)
const strings = app.stream(topic('strings', { key: codec.string, value: codec.string })).groupByKey()
// @ts-expect-error the parts want orders
strings.aggregate(parts)
// @ts-expect-error a count is a number
byUser.count({ value: codec.string })
// lambdas inside a call need no annotation
const inferred = s.groupByKey().aggregate(agg.struct({ orders: agg.count, spend: agg.sum((o) => o.amount), top: agg.max((o) => o.amount) }))
inferred.map(({ orders: placed, top }) => placed + top)
const reduced = s.groupByKey().reduce((a, b) => (a.amount > b.amount ? a : b))
const latest = s.map((order) => (order.amount > 1 ? order : null)).toTable()
const names = t.map((user, { key }) => `${key} ${user.name}`)
const upserts = t.toStream()
const changes = t.changes()
const one = t.get('ada')
const all = t.entries({ from: 'a', to: 'b', prefix: 'a', limit: 1, reverse: true })
// @ts-expect-error keys are strings
void t.get(1)
t.toTopic(users)
// @ts-expect-error rows are users
t.toTopic(orders)
app.table(users, { name: 'people', onError: policy.skip })
// @ts-expect-error a policy is made by policy
app.table(users, { onError: 'skip' })

type Tables = [
  Expect<Equal<typeof byUser, KGroup<string, Order>>>,
  Expect<Equal<typeof count, KTable<string, number>>>,
  Expect<Equal<typeof spent, KTable<string, { readonly orders: number; readonly spend: number }>>>,
  Expect<Equal<typeof reduced, KTable<string, Order>>>,
  Expect<Equal<typeof latest, KTable<string, Order>>>,
  Expect<Equal<typeof names, KTable<string, string>>>,
  Expect<Equal<typeof upserts, KStream<string, User | null>>>,
  Expect<Equal<typeof changes, KStream<string, Change<User>>>>,
  Expect<Equal<typeof one, Promise<Option<User>>>>,
  Expect<Equal<typeof all, AsyncIterable<readonly [string, User]>>>,
  Expect<Equal<typeof g, GlobalTable<number, number>>>,
]

/* ------------------------------------------------------------------ joins */

const priced = keyed.join(t, (order, user, { key }) => ({ key, name: user.name, due: order.amount }))
const maybe = keyed.leftJoin(t, (order, user) => ({ order, user }))
const priceThen = keyed.join(app.table(users, { history: '1d' }), (order, user) => [order, user] as const, { grace: '1m' })
const charged = s.join(
  g,
  (order) => order.amount,
  (order, fee) => order.amount + fee,
)
const maybeCharged = s.leftJoin(
  g,
  (order) => (order.amount > 1 ? order.amount : null),
  (order, fee) => [order, fee] as const,
)
// @ts-expect-error keys are strings here and numbers there
s.join(app.table(fees), (order) => order)
const userOf = (order: Order) => order.user
// @ts-expect-error the global table has numbers for keys
s.join(g, userOf, (order) => order)
// @ts-expect-error a global table needs a key per record
s.join(g, (order) => order)
const paired = s.join(s, { within: '1h' }, (a, b, { key }) => ({ key, due: a.amount - b.amount }))
const maybePaired = s.leftJoin(s, { within: { before: 0, after: '1m' }, grace: '1s', name: 'pairs' }, (a, b) => [a, b] as const)
const eitherSide = s.outerJoin(upserts, { within: 5 }, (sides) => sides)
// @ts-expect-error streams are joined within a time
s.join(s, (a) => a)
// @ts-expect-error keys are strings here and numbers there
s.join(app.stream(fees), { within: 1 }, (a) => a)

const processed = s.process({
  name: 'x',
  stores: { n: { value: codec.number } },
  emits: codec.string,
  onRecord(_value, { key }, context) {
    // @ts-expect-error no such store
    context.store('typo')
    // @ts-expect-error a number
    context.store('n').set(key, 'text')
    // @ts-expect-error emits strings
    context.emit(1)
  },
})
const once = s.distinct({ within: '5m', by: (order) => order.user })
const listed = s.batch({ size: 10, within: '1s' })

type Processed = [
  Expect<Equal<typeof processed, KStream<string, string>>>,
  Expect<Equal<typeof once, KStream<string, Order>>>,
  Expect<Equal<typeof listed, KStream<string, readonly KRecord<string, Order>[]>>>,
]
type Joins = [
  Expect<Equal<typeof priced, KStream<string, { key: string; name: string; due: number }>>>,
  Expect<Equal<typeof maybe, KStream<string, { order: Order; user: Option<User> }>>>,
  Expect<Equal<typeof priceThen, KStream<string, readonly [Order, User]>>>,
  Expect<Equal<typeof charged, KStream<string, number>>>,
  Expect<Equal<typeof paired, KStream<string, { key: string; due: number }>>>,
  Expect<Equal<typeof maybePaired, KStream<string, readonly [Order, Option<Order>]>>>,
  Expect<Equal<typeof eitherSide, KStream<string, These<Order, User | null>>>>,
  Expect<Equal<typeof maybeCharged, KStream<string, readonly [Order, Option<number>]>>>,
]

/* -------------------------------------------------------------------- app */

void app.send(orders, 'k', { id: '1', user: 'ada', amount: 1 }, { timestamp: 1, headers: { trace: 'x' } })
// @ts-expect-error the value is an order
void app.send(orders, 'k', { id: '1' })
// @ts-expect-error the key is a string
void app.send(orders, 1, { id: '1', user: 'ada', amount: 1 })
s.pipe(map(({ key, value }) => ({ key, value }))).subscribe(app.sink(orders))
s.groupByKey().count({ ttl: '1d' })
// @ts-expect-error a duration
s.groupByKey().count({ ttl: 'a day' })

export type Checked = [Streams, Tables, Joins, Processed]
void [asObservable, asKeyed, n, notUsers]

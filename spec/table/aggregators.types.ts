// What fits where, and what is inferred. `aggregate` and `regroup` stand for the verbs of a group, a session, a regrouped table.
import type { Option } from 'fp-ts/lib/Option.js'
import type { Aggregator, Mean, Mergeable, Reversible } from '../../lib/table/aggregator.js'
import { agg } from '../../lib/table/aggregators.js'
import type { Equal, Expect } from '../support/types.js'

interface Order {
  readonly user: string
  readonly amount: number
}
declare const aggregate: <A>(by: Aggregator<string, Order, A>) => A
declare const session: <A>(by: Mergeable<string, Order, A>) => A
declare const regroup: <A>(by: Reversible<string, Order, A>) => A

const noMerge: Aggregator<string, Order, number> = { empty: 0, add: (a) => a + 1 }
aggregate(noMerge)
// @ts-expect-error session windows need merge
session(noMerge)
// @ts-expect-error a table cannot be regrouped by something that cannot be taken back
regroup(agg.max((o: Order) => o.amount))

const parts = agg.struct({ orders: agg.count, spend: agg.sum((o: Order) => o.amount), average: agg.mean((o: Order) => o.amount) })
const whole = aggregate(parts)
regroup(parts)
session(parts)
declare const strings: <A>(by: Aggregator<string, string, A>) => A
// @ts-expect-error the parts want orders
strings(parts)

const mixed = agg.struct({ orders: agg.count, top: agg.max((o: Order) => o.amount) })
session(mixed)
// @ts-expect-error one of the parts cannot be taken back
regroup(mixed)

// lambdas inside a call need no annotation
const inferred = aggregate(agg.struct({ orders: agg.count, spend: agg.sum((o) => o.amount), top: agg.max((o) => o.amount) }))
const total = aggregate(agg.sum((o) => o.amount))
const last = aggregate(agg.latest())
const best = aggregate(agg.topN(3, (o) => o.amount))

export type Checked = [
  Expect<Equal<typeof whole, { readonly orders: number; readonly spend: number; readonly average: Mean }>>,
  Expect<Equal<typeof inferred, { readonly orders: number; readonly spend: number; readonly top: number }>>,
  Expect<Equal<typeof total, number>>,
  Expect<Equal<typeof last, Option<Order>>>,
  Expect<Equal<typeof best, readonly Order[]>>,
]

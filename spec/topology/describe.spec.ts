import { codec } from '../../lib/core/codec.js'
import { describe as describePlan } from '../../lib/topology/describe.js'
import { topic } from '../../lib/topology/topic.js'
import { fakeApp, type FakeApp } from '../dsl/fake-app.js'
import { audit, counts, lines, orders, users, type Order } from '../dsl/shop.js'

const wordCount = (): FakeApp => {
  const app = fakeApp('word-count')
  app.builder
    .stream(lines)
    .flatMap((line) => line.split(' '))
    .groupBy((word) => word, codec.string)
    .count({ name: 'words' })
    .toTopic(counts)
  return app
}
const shop = (): FakeApp => {
  const app = fakeApp('shop')
  const { big, rest } = app.builder.stream(orders).split({ big: (order) => order.amount > 100 })
  const fees = app.builder.globalTable(topic('fees', { key: codec.string, value: codec.number }))
  const joined = big
    .keyBy((order) => order.user, codec.string)
    .join(app.builder.table(users), (order, user) => ({ ...order, name: user.name }))
    .leftJoin(
      fees,
      (order) => order.id,
      (order) => order,
    )
  joined.mergeWith(rest).toTopic(audit)
  joined.toTopic((order: Order) => (order.amount > 1000 ? audit : orders))
  return app
}

describe('describe() of a plan', () => {
  it('lists sources, verbs, stores, changelogs and sinks of each sub-topology', () => {
    expect(wordCount().text()).toBe(`
app word-count

sub-topology 0
  source lines
  flatMap <- lines
  groupBy <- flatMap
  sink word-count-lines-grouped-repartition (repartition) <- groupBy

sub-topology 1
  source word-count-lines-grouped-repartition (repartition)
  count <- word-count-lines-grouped-repartition
    store words (lmdb), changelog word-count-words-changelog
  toStream <- count
  sink word-counts <- toStream
`)
  })
  it('names branches, tables that are read, global tables and topics chosen per record', () => {
    expect(shop().text()).toBe(`
app shop

sub-topology 0
  source orders
  split <- orders
  keyBy <- split.big
  table source users
  table <- users
    store users (lmdb), restored from users if that is compacted, else from changelog shop-users-changelog
  source shop-orders-big-keyed-repartition (repartition)
  join <- shop-orders-big-keyed-repartition, reads users
  leftJoin <- join, reads global fees
  merge <- leftJoin, split.rest
  sink audit <- merge
  sink (by record) <- leftJoin
  sink shop-orders-big-keyed-repartition (repartition) <- keyBy

global table fees
`)
  })
  it('draws a flowchart in which topics connect the sub-topologies', () => {
    expect(`\n${describePlan(wordCount().plan()).toMermaid()}`).toBe(`
---
title: word-count
---
flowchart TD
  t0(["lines"])
  t1(["word-count-lines-grouped-repartition"])
  t2(["word-counts"])
  subgraph s0["sub-topology 0"]
    s0n1["flatMap"]
    s0n2["groupBy"]
  end
  subgraph s1["sub-topology 1"]
    s1n1["count"]
    s1d0[("words")]
    s1n2["toStream"]
  end
  t0 --> s0n1
  s0n1 --> s0n2
  s0n2 --> t1
  t1 --> s1n1
  s1n1 --- s1d0
  s1n1 --> s1n2
  s1n2 --> t2
`)
  })
  it('draws branches, reads and global tables', () => {
    const chart = describePlan(shop().plan()).toMermaid().split('\n')
    expect(chart.filter((line) => /\||-\.->|\[\("fees"\)\]/.test(line))).toEqual([
      '  g0[("fees")]',
      '  s0n1 -->|"big"| s0n2',
      '  s0d0 -.-> s0n6',
      '  g0 -.-> s0n7',
      '  s0n1 -->|"rest"| s0n8',
    ])
  })
  it('is data with the same names, which survives JSON', () => {
    const data = JSON.parse(JSON.stringify(describePlan(wordCount().plan())))
    expect(data).toMatchObject({ app: 'word-count', globals: [], subTopologies: [{ index: 0, name: 'lines' }, { index: 1 }] })
    expect(data.subTopologies[1].steps[1]).toEqual({
      id: 'count',
      from: [{ id: 'word-count-lines-grouped-repartition', branch: null }],
      kind: 'verb',
      stores: [{ name: 'words', kind: 'lmdb', changelog: 'word-count-words-changelog', source: null }],
      reads: [],
    })
  })
})

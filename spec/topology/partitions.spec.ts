import { codec } from '../../lib/core/codec.js'
import { internalTopics } from '../../lib/topology/internal-topics.js'
import { checkPartitions, missingTopics, partitionCounts, rowsPartitioning, type FoundTopics } from '../../lib/topology/partitions.js'
import { policy } from '../../lib/topology/policy.js'
import { topic } from '../../lib/topology/topic.js'
import { fakeApp, type FakeApp } from '../dsl/fake-app.js'
import { audit, orders, returns, users, type Order, type User } from '../dsl/shop.js'

const found = (counts: Readonly<Record<string, number>>, ...compacted: string[]): FoundTopics =>
  new Map(Object.entries(counts).map(([name, partitions]) => [name, { name, partitions, isCompacted: compacted.includes(name) }]))
const byUser = (order: Order) => order.user
const joinRekeyed = (): FakeApp => {
  const app = fakeApp()
  app.builder
    .stream(orders)
    .keyBy(byUser, codec.string)
    .join(app.builder.table(users), (order) => order)
    .toTopic(audit)
  return app
}

describe('partitionCounts', () => {
  it('gives a repartition topic as many partitions as what it is joined with', () => {
    const counts = partitionCounts(joinRekeyed().plan(), found({ orders: 12, users: 3 }))
    expect(counts.get('app-orders-keyed-repartition')).toBe(3)
  })
  it('gives it as many as the largest source above when nothing else decides', () => {
    const app = fakeApp()
    app.builder.stream([orders, returns]).groupBy(byUser, codec.string).count()
    expect(partitionCounts(app.plan(), found({ orders: 2, returns: 8 })).get('app-orders-returns-merged-grouped-repartition')).toBe(8)
  })
  it('gives it what repartition asks for, and hands that on to the ones below', () => {
    const app = fakeApp()
    const spread = app.builder.stream(orders).repartition({ partitions: 24 })
    spread.groupBy(byUser, codec.string, { name: 'by-user' }).count()
    const counts = partitionCounts(app.plan(), found({ orders: 2 }))
    expect([counts.get('app-orders-repartition'), counts.get('app-by-user-repartition')]).toEqual([24, 24])
  })
  it('gives two that are joined with each other one number, the larger', () => {
    const app = fakeApp()
    const table = app.builder.stream(returns).groupBy(byUser, codec.string).count()
    app.builder
      .stream(orders)
      .keyBy(byUser, codec.string)
      .join(table, (order) => order)
      .toTopic(audit)
    const counts = partitionCounts(app.plan(), found({ orders: 2, returns: 5 }))
    expect([counts.get('app-orders-keyed-repartition'), counts.get('app-returns-grouped-repartition')]).toEqual([5, 5])
  })
  it('settles repartition topics that feed each other', () => {
    const app = fakeApp()
    const keyed = app.builder.stream(orders).keyBy(byUser, codec.string)
    const table = keyed.groupByKey().count()
    keyed
      .keyBy((order) => order.id, codec.string, { name: 'by-id' })
      .join(table, (order) => order)
      .toTopic(audit)
    const counts = partitionCounts(app.plan(), found({ orders: 6 }))
    expect([counts.get('app-orders-keyed-repartition'), counts.get('app-by-id-repartition')]).toEqual([6, 6])
  })
})

describe('checkPartitions', () => {
  it('takes a plan whose topics fit', () => {
    expect(() => checkPartitions(joinRekeyed().plan(), found({ orders: 12, users: 3, audit: 1 }))).not.toThrow()
  })
  it('refuses to join topics of different partition counts, and names the ways out', () => {
    const app = fakeApp()
    app.builder
      .stream(orders)
      .join(app.builder.table(users), (order) => order)
      .toTopic(audit)
    expect(() => checkPartitions(app.plan(), found({ orders: 4, users: 6, audit: 1 }))).toThrow(
      /MR_CO_PARTITIONING: .* orders has 4, users has 6\. .*repartition\(\{ partitions \}\).* create the topic/,
    )
  })
  it('refuses a repartition that asks for another number than what it is joined with', () => {
    const app = fakeApp()
    app.builder
      .stream(orders)
      .repartition({ partitions: 8 })
      .join(app.builder.table(users), (order) => order)
      .toTopic(audit)
    expect(() => checkPartitions(app.plan(), found({ orders: 4, users: 6, audit: 1 }))).toThrow(/app-orders-repartition has 8/)
  })
  it('refuses a merge of different partition counts that is grouped, but not one that is only passed on', () => {
    const grouped = fakeApp()
    grouped.builder.stream([orders, returns]).groupByKey().count()
    const passed = fakeApp()
    passed.builder.stream([orders, returns]).toTopic(audit)
    const topics = found({ orders: 4, returns: 6, audit: 1 })
    expect(() => checkPartitions(grouped.plan(), topics)).toThrow(/MR_CO_PARTITIONING/)
    expect(() => checkPartitions(passed.plan(), topics)).not.toThrow()
  })
  it('misses sources, sinks and global tables', () => {
    const plan = joinRekeyed().plan()
    expect(() => checkPartitions(plan, found({ orders: 4, users: 4 }))).toThrow(/MR_TOPIC_MISSING: topic audit/)
    const global = fakeApp()
    global.builder.globalTable(users)
    expect(() => checkPartitions(global.plan(), found({}))).toThrow(/MR_TOPIC_MISSING: topic users/)
  })
  it('refuses a topic with another number of partitions than its descriptor declares', () => {
    const app = fakeApp()
    app.builder.stream(topic('declared', { key: codec.string, value: codec.string, partitions: 4 })).tap(() => undefined)
    expect(() => checkPartitions(app.plan(), found({ declared: 5 }))).toThrow(/MR_TOPIC_PARTITIONS: topic declared has 5 .* declares 4/)
  })
  it('refuses an internal topic that another version of the app has left with another number', () => {
    const topics = { orders: 4, users: 6, audit: 1 }
    expect(() => checkPartitions(joinRekeyed().plan(), found({ ...topics, 'app-orders-keyed-repartition': 4 }))).toThrow(
      /MR_TOPIC_PARTITIONS: internal topic app-orders-keyed-repartition has 4 partitions, .* asks for 6/,
    )
    expect(() => checkPartitions(joinRekeyed().plan(), found({ ...topics, 'app-users-changelog': 4 }))).toThrow(/MR_TOPIC_PARTITIONS/)
  })
})

describe('missingTopics', () => {
  it('creates those that declare a number, with their settings, and misses the others', () => {
    const app = fakeApp()
    const declared = topic('declared', {
      key: codec.string,
      value: codec.json<User>(),
      partitions: 4,
      config: { 'cleanup.policy': 'compact' },
    })
    app.builder.table(declared)
    expect(missingTopics(app.plan(), found({}), null)).toEqual([
      { name: 'declared', partitions: 4, config: { 'cleanup.policy': 'compact' } },
    ])
    app.builder.stream(orders).tap(() => undefined)
    expect(() => missingTopics(app.plan(), found({}), null)).toThrow(/MR_TOPIC_MISSING: topic orders/)
  })
  it('creates any, where the log does', () => {
    const app = fakeApp()
    app.builder.stream(orders).toTopic(audit)
    expect(missingTopics(app.plan(), found({ audit: 1 }), 4)).toEqual([{ name: 'orders', partitions: 4, config: {} }])
  })
})

describe('internalTopics', () => {
  const longest = '9223372036854775807'
  it('lists repartition topics that lose nothing, and changelogs that are compacted', () => {
    const app = fakeApp()
    app.builder.stream(orders).groupBy(byUser, codec.string).count()
    expect(internalTopics(app.plan(), found({ orders: 3 }), policy.fail)).toEqual([
      {
        name: 'app-orders-grouped-repartition',
        partitions: 3,
        config: {
          'cleanup.policy': 'delete',
          'retention.ms': '-1',
          'message.timestamp.type': 'CreateTime',
          'message.timestamp.after.max.ms': longest,
        },
      },
      {
        name: 'app-orders-grouped-count-changelog',
        partitions: 3,
        config: { 'cleanup.policy': 'compact', 'message.timestamp.type': 'CreateTime', 'message.timestamp.after.max.ms': longest },
      },
    ])
  })
  it('has no changelog for a table of a compacted topic, unless rows differ from what lies there', () => {
    const names = (app: FakeApp) =>
      internalTopics(app.plan(), found({ users: 3, timed: 3 }, 'users', 'timed'), policy.fail).map(({ name }) => name)
    const plain = fakeApp()
    plain.builder.table(users)
    expect(names(plain)).toEqual([])
    const otherwise = fakeApp()
    otherwise.builder.table(users, { value: codec.nullable(codec.json<User>()) as never })
    expect(names(otherwise)).toEqual(['app-users-changelog'])
    const timed = fakeApp()
    timed.builder.table(topic('timed', { key: codec.string, value: codec.json<User>(), timestamp: () => 0 }))
    expect(names(timed)).toEqual(['app-timed-changelog'])
  })
  it('has a changelog for a table of any other topic', () => {
    const app = fakeApp()
    app.builder.table(users)
    expect(internalTopics(app.plan(), found({ users: 3 }), policy.fail)).toMatchObject([{ name: 'app-users-changelog', partitions: 3 }])
  })
  it('has a dead-letter partition for each partition a record may come from, and lets the broker tell the time', () => {
    const app = fakeApp()
    app.builder
      .stream(orders, { onError: policy.deadLetter('orders.dead') })
      .groupBy(byUser, codec.string)
      .count()
    app.builder.stream(returns).tap(() => undefined)
    const onError = policy.when(() => true, policy.retry({ times: 1 }, policy.deadLetter()), policy.skip)
    const dead = internalTopics(app.plan(), found({ orders: 3, returns: 7 }), onError).filter(({ name }) => name.endsWith('dead'))
    expect(dead).toEqual([
      { name: 'orders.dead', partitions: 3, config: { 'message.timestamp.type': 'LogAppendTime' } },
      { name: 'app-dead', partitions: 7, config: { 'message.timestamp.type': 'LogAppendTime' } },
    ])
  })
})

describe('rowsPartitioning', () => {
  it('is that of what lies above the store, also where another input of the task has more partitions', () => {
    const app = fakeApp()
    app.builder.table(users)
    app.builder.stream(users).mergeWith(app.builder.stream(orders)).toTopic(audit)
    const plan = app.plan()
    const owner = plan.subTopologies[0]?.stores[0]?.owner
    expect(owner && rowsPartitioning(plan, owner, partitionCounts(plan, found({ users: 2, orders: 9, audit: 1 })))).toEqual({
      partitions: 2,
      partitioner: null,
    })
  })
})

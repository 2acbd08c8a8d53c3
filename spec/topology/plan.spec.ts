import { codec } from '../../lib/core/codec.js'
import { topic } from '../../lib/topology/topic.js'
import { fakeApp, type FakeApp } from '../dsl/fake-app.js'
import { audit, lines, orders, returns, users, type Order, type User } from '../dsl/shop.js'

const storesOf = (app: FakeApp): readonly string[] => app.plan().subTopologies.flatMap(({ stores }) => stores.map(({ spec }) => spec.name))
const inputsOf = (app: FakeApp): readonly (readonly string[])[] =>
  app.plan().subTopologies.map(({ inputs }) => inputs.map(({ topic: name }) => name))
const byUser = (order: Order) => order.user

describe('buildPlan', () => {
  it('refuses an app in which nothing leads to an end', () => {
    const app = fakeApp()
    app.builder
      .stream(orders)
      .filter(() => true)
      .keyBy(byUser, codec.string)
      .groupByKey()
    expect(() => app.plan()).toThrow(/MR_TOPOLOGY_EMPTY: app app has nothing to do/)
  })
  it('runs what leads to a sink, a store, a tap, a terminal verb or a subscriber, and leaves out the rest', () => {
    const app = fakeApp()
    const stream = app.builder.stream(orders)
    stream.map((order) => order.id)
    stream.tap(() => undefined)
    stream.filter(() => true).subscribe()
    app.builder.stream(returns).withTimestamp(() => 0)
    const labels = app.plan().subTopologies.flatMap(({ nodes }) => nodes.map(({ label }) => label))
    expect(labels).toEqual(['orders', 'tap', 'filter'])
  })
  it('takes an app that only queries a global table', () => {
    const app = fakeApp()
    app.builder.globalTable(users)
    expect(app.plan()).toMatchObject({ subTopologies: [], globals: [{ name: 'users' }] })
  })

  it('cuts at repartition topics', () => {
    const app = fakeApp()
    app.builder.stream(orders).groupBy(byUser, codec.string).count()
    expect(inputsOf(app)).toEqual([['orders'], ['app-orders-grouped-repartition']])
    const [above] = app.plan().subTopologies
    expect(above?.writes).toMatchObject([{ topic: 'app-orders-grouped-repartition', keepsNullKeys: false, partitioner: null }])
    expect(above?.nodes.map(({ kind }) => kind)).toEqual(['source', 'operator'])
  })
  it('cuts at a topic that is written and read back', () => {
    const app = fakeApp()
    app.builder.stream(orders).through(returns).toTopic(audit)
    expect(inputsOf(app)).toEqual([['orders'], ['returns']])
  })
  it('keeps a stream and the table it is joined with in one sub-topology', () => {
    const app = fakeApp()
    const table = app.builder.table(users)
    app.builder
      .stream(orders)
      .join(
        table.filter((user) => user.name !== ''),
        (order) => order,
      )
      .toTopic(audit)
    expect(inputsOf(app)).toEqual([['users', 'orders']])
    expect(app.plan().subTopologies[0]?.copartitioned).toEqual([['users', 'orders']])
  })
  it('keeps a topic that is a stream here and a table there in one sub-topology, since it has one position', () => {
    const app = fakeApp()
    app.builder.stream(orders).toTopic(audit)
    app.builder.table(orders)
    const [only, ...others] = app.plan().subTopologies
    expect(others).toEqual([])
    expect(only?.inputs).toMatchObject([{ topic: 'orders', sources: [{ as: 'stream' }, { as: 'table' }] }])
  })
  it('does not ask for equal partition counts where no key is looked up', () => {
    const app = fakeApp()
    app.builder.stream([orders, returns]).toTopic(audit)
    expect(app.plan().subTopologies[0]?.copartitioned).toEqual([])
  })
  it('asks for equal partition counts of what is merged and then grouped', () => {
    const app = fakeApp()
    app.builder.stream([orders, returns]).groupByKey().count()
    expect(app.plan().subTopologies[0]?.copartitioned).toEqual([['orders', 'returns']])
  })
  it('numbers sub-topologies in order of declaration, and names them by their first topic', () => {
    const app = fakeApp()
    app.builder.stream(returns).toTopic(audit)
    app.builder.stream(lines).tap(() => undefined)
    expect(app.plan().subTopologies.map(({ index, name }) => [index, name])).toEqual([
      [0, 'returns'],
      [1, 'lines'],
    ])
  })
  it('lets null keys through a repartition only for a left join, or where the user asked for it', () => {
    const app = fakeApp()
    const table = app.builder.table(users)
    const keyed = (name: string) => app.builder.stream(orders).keyBy(byUser, codec.string, { name })
    keyed('inner')
      .join(table, (order) => order)
      .toTopic(audit)
    keyed('left')
      .leftJoin(table, (order) => order)
      .toTopic(audit)
    app.builder.stream(orders).repartition({ name: 'asked' }).toTopic(audit)
    const writes = app.plan().subTopologies.flatMap((sub) => sub.writes)
    expect(writes.map(({ node, keepsNullKeys }) => [node.name, keepsNullKeys])).toEqual([
      ['inner', false],
      ['left', true],
      ['asked', true],
    ])
  })

  it('gives two stores of one name to nobody, and says which verbs want it', () => {
    const app = fakeApp()
    app.builder
      .stream(orders)
      .filter(() => true)
      .groupByKey()
      .count()
    app.builder.stream(orders).groupByKey().count()
    expect(() => app.plan()).toThrow(
      /MR_NAME_AMBIGUOUS: "orders-count" would be the store of orders → filter → count and of orders → count; name the newer one, with \{ name: \.\.\. \} in count/,
    )
  })
  it('gives two repartition topics of one name to nobody', () => {
    const app = fakeApp()
    app.builder.stream(orders).groupBy(byUser, codec.string).count({ name: 'a' })
    app.builder
      .stream(orders)
      .groupBy((order) => order.id, codec.string)
      .count({ name: 'b' })
    expect(() => app.plan()).toThrow(/MR_NAME_AMBIGUOUS: "orders-grouped" would be the repartition topic/)
  })
  it('takes two groups of one source when one has a name', () => {
    const app = fakeApp()
    app.builder.stream(orders).groupBy(byUser, codec.string).count()
    app.builder
      .stream(orders)
      .groupBy((order) => order.id, codec.string, { name: 'by-id' })
      .count()
    expect(storesOf(app)).toEqual(['orders-grouped-count', 'by-id-count'])
  })
  it('refuses derived names that are too long for Kafka', () => {
    const app = fakeApp()
    app.builder
      .stream(topic('t'.repeat(240), { key: codec.string, value: codec.string }))
      .groupByKey()
      .count()
    expect(() => app.plan()).toThrow(/MR_NAME_INVALID/)
  })
  it('refuses to join topics that were written with different partitioners', () => {
    const app = fakeApp()
    const odd = topic('odd', { key: codec.string, value: codec.json<User>(), partition: () => 0 })
    app.builder
      .stream(orders)
      .join(app.builder.table(odd), (order) => order)
      .toTopic(audit)
    expect(() => app.plan()).toThrow(/MR_CO_PARTITIONING: orders and odd .* different `partition` functions/)
  })
  it('repartitions with the partitioner of the topic that is joined', () => {
    const app = fakeApp()
    const partition = () => 0
    const odd = topic('odd', { key: codec.string, value: codec.json<User>(), partition })
    app.builder
      .stream(orders)
      .keyBy(byUser, codec.string)
      .join(app.builder.table(odd), (order) => order)
      .toTopic(audit)
    expect(app.plan().subTopologies[0]?.writes).toMatchObject([{ partitioner: partition }])
  })
})

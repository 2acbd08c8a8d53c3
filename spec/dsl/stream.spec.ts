import { left, right } from 'fp-ts/lib/Either.js'
import { map, Observable } from 'rxjs'
import { codec, type Codec } from '../../lib/core/codec.js'
import type { TopicSource } from '../../lib/topology/topic.js'
import type { Node, RepartitionNode } from '../../lib/topology/node.js'
import { topic } from '../../lib/topology/topic.js'
import { fakeApp, type FakeApp } from './fake-app.js'
import { audit, lines, orders, returns, users, type Order } from './shop.js'

const nodesOf = (app: FakeApp): readonly Node[] => app.plan().subTopologies.flatMap(({ nodes }) => nodes)
const repartitionsOf = (app: FakeApp): readonly RepartitionNode[] => nodesOf(app).filter((node) => node.kind === 'repartition')
const storesOf = (app: FakeApp) => app.plan().subTopologies.flatMap(({ stores }) => stores.map(({ spec }) => spec))
const byUser = (order: Order) => order.user

describe('Stream', () => {
  describe('as an Observable', () => {
    it('subscribes to its port, and hears what the host delivers there', () => {
      const app = fakeApp()
      const heard: unknown[] = []
      const subscription = app.builder
        .stream(orders)
        .filter(() => true)
        .subscribe((record) => heard.push(record))
      app.records.next('first')
      subscription.unsubscribe()
      app.records.next('second')
      expect(heard).toEqual(['first'])
      expect(app.heard).toMatchObject([{ node: { label: 'filter' }, branch: 0 }])
    })
    it('pipes into plain Observables', () => {
      const app = fakeApp()
      const stream = app.builder.stream(orders)
      const piped = stream.pipe(map((record) => record.value.amount))
      expect(piped).toBeInstanceOf(Observable)
      expect(Object.getPrototypeOf(piped)).toBe(Observable.prototype)
      const heard: number[] = []
      piped.subscribe((amount) => heard.push(amount))
      app.records.next({ value: { amount: 3 } })
      expect(heard).toEqual([3])
    })
    it('subscribes to nothing by its verbs', () => {
      const app = fakeApp()
      app.builder
        .stream(orders)
        .map((order) => order.id)
        .keyBy((id) => id, codec.string)
        .groupByKey()
        .count()
      expect(app.heard).toEqual([])
    })
    it('can be returned from an async function', async () => {
      const stream = fakeApp().builder.stream(orders)
      expect(await Promise.resolve(stream)).toBe(stream)
    })
  })

  it('refuses every verb once the app has started', () => {
    const app = fakeApp()
    const stream = app.builder.stream(orders)
    const table = stream.toTable()
    const group = stream.groupByKey()
    app.freeze()
    const verbs: (() => unknown)[] = [
      () => stream.filter(() => true),
      () => stream.keyBy(byUser, codec.string),
      () => stream.encodedAs(codec.json()),
      () => stream.mergeWith(stream),
      () => stream.split({}),
      () => stream.repartition(),
      () => stream.through(orders),
      () => stream.groupBy(byUser, codec.string),
      () => stream.join(table, (order) => order),
      () => stream.toTopic(orders),
      () => stream.toTable(),
      () => stream.each(() => undefined),
      () => group.count(),
      () => table.filter(() => true),
      () => table.toStream(),
      () => table.toTopic(orders),
      () => app.builder.stream(orders),
      () => app.builder.table(users),
      () => app.builder.globalTable(users),
    ]
    for (const verb of verbs) expect(verb).toThrow(/MR_TOPOLOGY_FROZEN/)
  })

  describe('names', () => {
    it('are not changed by inserting a filter', () => {
      const namesOf = (insert: boolean) => {
        const app = fakeApp()
        const source = app.builder.stream(orders)
        const stream = insert
          ? source
              .filter(() => true)
              .tap(() => undefined)
              .map((order) => order)
          : source
        stream.groupBy(byUser, codec.string).count()
        stream.keyBy(byUser, codec.string).toTable()
        stream
          .repartition()
          .groupByKey()
          .reduce((a) => a)
        return app
          .plan()
          .subTopologies.flatMap((sub) => [...sub.writes.map(({ topic: name }) => name), ...sub.stores.map(({ changelog }) => changelog)])
      }
      expect(namesOf(true)).toEqual(namesOf(false))
      expect(namesOf(true)).toEqual([
        'app-orders-grouped-repartition',
        'app-orders-keyed-repartition',
        'app-orders-repartition',
        'app-orders-grouped-count-changelog',
        'app-orders-keyed-table-changelog',
        'app-orders-reduced-changelog',
      ])
    })
    it('come from topic and verbs', () => {
      const app = fakeApp()
      const stream = app.builder.stream(orders)
      const { big, rest } = stream.split({ big: (order) => order.amount > 1 })
      const { left: odd } = stream.mapEither((order) => (order.amount > 1 ? right(order) : left(order)))
      const names = [
        stream.groupByKey().count(),
        stream.groupByKey().aggregate({ empty: 0, add: (a) => a }),
        stream.toTable(),
        stream.mergeWith(app.builder.stream(returns)).toTable(),
        big.toTable(),
        odd.toTable(),
        big
          .mergeWith(
            rest,
            stream.filter(() => true),
          )
          .toTable(),
        app.builder.table(users),
        app.builder.table(users).filter(() => true, {}),
        app.builder
          .table(users)
          .map((user) => user.name)
          .toStream()
          .groupByKey()
          .count(),
        stream.through(topic('elsewhere', orders)).toTable(),
      ].map(({ name }) => name)
      expect(names).toEqual([
        'orders-count',
        'orders-aggregated',
        'orders-table',
        'orders-returns-merged-table',
        'orders-big-table',
        'orders-left-table',
        'orders-big-orders-rest-orders-merged-table',
        'users',
        'users-filtered',
        'users-mapped-count',
        'elsewhere-table',
      ])
    })
    it('given by the user are checked at the verb', () => {
      const { builder } = fakeApp()
      const stream = builder.stream(orders)
      expect(() => stream.keyBy(byUser, codec.string, { name: 'by user' })).toThrow(/MR_NAME_INVALID: the name given to keyBy/)
      expect(() => stream.repartition({ name: '' })).toThrow(/MR_NAME_INVALID/)
      expect(() => stream.toTable({ name: 'a/b' })).toThrow(/MR_NAME_INVALID/)
      expect(() => stream.split({ 'no good': () => true })).toThrow(/MR_NAME_INVALID/)
    })
  })

  describe('repartitioning', () => {
    it('happens where the key is needed, not where it is replaced', () => {
      const app = fakeApp()
      const keyed = app.builder.stream(orders).keyBy(byUser, codec.string)
      keyed.toTopic(orders)
      keyed.tap(() => undefined)
      expect(repartitionsOf(app)).toEqual([])
      keyed
        .filter(() => true)
        .map((order) => order.amount)
        .groupByKey()
        .count()
      const [only] = repartitionsOf(app)
      expect(only?.parents[0].node.label).toBe('map')
      expect(only?.name).toBe('orders-keyed')
    })
    it('is shared by all that follows on the very same stream', () => {
      const app = fakeApp()
      const keyed = app.builder.stream(orders).keyBy(byUser, codec.string)
      keyed.groupByKey().count()
      keyed.toTable()
      keyed.join(app.builder.table(users), (order) => order).toTopic(audit)
      const group = keyed.groupByKey()
      group.aggregate({ empty: 0, add: (a) => a })
      group.reduce((a) => a)
      expect(repartitionsOf(app)).toHaveLength(1)
    })
    it('is due on a merge when it is on one of its inputs', () => {
      const app = fakeApp()
      app.builder.stream(returns).mergeWith(app.builder.stream(orders).keyBy(byUser, codec.string)).groupByKey().count()
      expect(repartitionsOf(app)).toMatchObject([{ name: 'returns-orders-keyed-merged' }])
    })
    it('is due on every branch of a split, each by its own topic', () => {
      const app = fakeApp()
      const { big, rest } = app.builder
        .stream(orders)
        .keyBy(byUser, codec.string)
        .split({ big: (order) => order.amount > 1 })
      big.groupByKey().count()
      rest.groupByKey().count()
      expect(repartitionsOf(app).map(({ name }) => name)).toEqual(['orders-keyed-big', 'orders-keyed-rest'])
    })
    it('is not needed for a global table', () => {
      const app = fakeApp()
      app.builder
        .stream(orders)
        .keyBy(byUser, codec.string)
        .join(app.builder.globalTable(users), byUser, (order) => order)
        .toTopic(audit)
      expect(repartitionsOf(app)).toEqual([])
    })
    it('that was asked for takes the name of the key it moves by, and is enough', () => {
      const app = fakeApp()
      app.builder.stream(orders).keyBy(byUser, codec.string).repartition({ partitions: 7 }).groupByKey().count()
      expect(repartitionsOf(app)).toMatchObject([{ name: 'orders-keyed', partitions: 7, isExplicit: true }])
    })
    it('refuses partitions that are no number of partitions', () => {
      expect(() => fakeApp().builder.stream(orders).repartition({ partitions: 0 })).toThrow(/MR_CONFIG/)
    })
  })

  describe('keys', () => {
    it('must be there to be grouped, joined or made a table by', () => {
      const { builder } = fakeApp()
      const keyless = builder.stream(lines)
      expect(() => keyless.groupByKey()).toThrow(/MR_KEY_NONE: groupByKey: lines/)
      expect(() => keyless.toTable()).toThrow(/MR_KEY_NONE: toTable/)
      expect(() => keyless.join(builder.table(users) as never, (line) => line)).toThrow(/MR_KEY_NONE: join/)
      expect(() => builder.table(topic('t', { key: codec.none, value: codec.string }))).toThrow(/MR_KEY_NONE: table/)
      expect(() => builder.globalTable(topic('t', { key: codec.none, value: codec.string }))).toThrow(/MR_KEY_NONE: globalTable/)
    })
    it('must be written alike on both sides of a join', () => {
      const { builder } = fakeApp()
      const numbered = topic('numbered', { key: codec.number, value: codec.string })
      expect(() => builder.stream(orders).join(builder.table(numbered) as never, (order) => order)).toThrow(
        /MR_KEY_CODEC: join: the keys of orders are string, those of numbered are number/,
      )
    })
    it('may be null on one side: what is not has the same bytes', () => {
      const { builder } = fakeApp()
      const loose = topic('loose', { key: codec.nullable(codec.string), value: codec.string })
      expect(() => builder.stream(loose).join(builder.table(users), (text) => text)).not.toThrow()
    })
    it('must be written alike in all inputs of a merge that goes on by key', () => {
      const { builder } = fakeApp()
      const both = builder.stream(orders).mergeWith(builder.stream(lines))
      expect(() => both.tap(() => undefined)).not.toThrow()
      expect(() => both.groupByKey()).toThrow(/MR_KEY_CODEC: groupByKey: the inputs of orders-lines-merged/)
      expect(() => both.groupBy(() => 'k', codec.string)).not.toThrow()
    })
    it('that take null in one input of a merge take it in the merge', () => {
      const app = fakeApp()
      const loose = topic('loose', { key: codec.nullable(codec.string), value: codec.string })
      app.builder.stream(orders).mergeWith(app.builder.stream(loose)).groupByKey().count()
      expect(storesOf(app)[0]?.key.name).toBe('nullable(string)')
    })
  })

  describe('codecs', () => {
    const strings = topic('strings', { key: codec.string, value: codec.string })
    const valueAt = (define: (app: FakeApp) => unknown): string | undefined => {
      const app = fakeApp()
      define(app)
      return repartitionsOf(app)[0]?.value.name
    }
    it('are those of the source while values are unchanged', () => {
      const unchanged = ({ builder }: FakeApp) =>
        builder
          .stream(strings)
          .filter(() => true)
          .tap(() => undefined)
          .withHeaders(() => ({}))
          .withTimestamp(() => 0)
          .mergeWith(builder.stream(topic('others', strings)))
          .split({})
          .rest.groupBy((text) => text, codec.string)
          .count()
      expect(valueAt(unchanged)).toBe('string')
    })
    it('are JSON behind a lambda, null included', () => {
      const json = 'nullable(json)'
      expect(
        valueAt(({ builder }) =>
          builder
            .stream(strings)
            .map((text) => text)
            .repartition()
            .toTopic(strings),
        ),
      ).toBe(json)
      expect(
        valueAt(({ builder }) =>
          builder
            .stream(strings)
            .rx(map((record) => record))
            .repartition()
            .toTopic(strings),
        ),
      ).toBe(json)
      expect(valueAt(({ builder }) => builder.stream(strings).mergeWith(builder.stream(orders)).repartition().toTopic(audit))).toBe(json)
    })
    it('are what encodedAs says', () => {
      expect(
        valueAt(({ builder }) =>
          builder
            .stream(strings)
            .map(Number)
            .encodedAs(codec.number)
            .repartition()
            .each(() => undefined),
        ),
      ).toBe('number')
    })
    it('of a store are those of what is kept, or what its options say', () => {
      const app = fakeApp()
      const group = app.builder.stream(strings).groupByKey()
      group.count()
      group.count({ name: 'n', value: codec.number })
      group.reduce((a) => a)
      app.builder.stream(strings).toTable()
      app.builder.table(strings)
      expect(storesOf(app).map(({ name, value }) => [name, value.name])).toEqual([
        ['strings-count', 'nullable(json)'],
        ['n', 'number'],
        ['strings-reduced', 'string'],
        ['strings-table', 'string'],
        ['strings', 'string'],
      ])
    })
    it('of a table go on into the stream of its changes, with null for a delete', () => {
      expect(
        valueAt(({ builder }) =>
          builder
            .table(strings)
            .toStream()
            .repartition()
            .each(() => undefined),
        ),
      ).toBe('nullable(string)')
    })
    it('that only read are enough to map, and no more', () => {
      const decoder = { decode: (bytes: Uint8Array | null) => String(bytes) }
      const readOnly: TopicSource<string, string> = { name: 'foreign', key: codec.string, value: decoder }
      const { builder } = fakeApp()
      expect(() =>
        builder
          .stream(readOnly)
          .map((text) => text)
          .groupByKey()
          .count(),
      ).not.toThrow()
      expect(() => builder.stream(readOnly).toTable()).toThrow(/MR_ENCODE: the values of foreign must be written/)
      expect(() => builder.stream(readOnly).repartition()).toThrow(/MR_ENCODE/)
      expect(() => builder.stream({ ...readOnly, name: 'keys', key: decoder }).groupByKey()).toThrow(/MR_ENCODE: the keys of keys/)
      expect(() => builder.stream(readOnly).toTable({ value: codec.string })).not.toThrow()
    })
  })

  describe('what it is given', () => {
    it('must be of the same app', () => {
      const [one, two] = [fakeApp('one').builder, fakeApp('two').builder]
      expect(() => one.stream(orders).mergeWith(two.stream(orders))).toThrow(/MR_CONFIG: .* a stream of another app, two/)
      expect(() => one.stream(orders).join(two.table(users), (order) => order)).toThrow(/MR_CONFIG: .* a table of another app, two/)
      expect(() => one.stream(orders).join(two.globalTable(users), byUser, (order) => order)).toThrow(/MR_CONFIG/)
    })
    it('must be streams and tables at all', () => {
      const stream = fakeApp().builder.stream(orders)
      expect(() => stream.mergeWith(new Observable() as never)).toThrow(/MR_CONFIG: .* not a stream/)
      expect(() => stream.join({} as never, (order) => order)).toThrow(/MR_CONFIG: .* not a table/)
    })
    it('has no branch called rest', () => {
      expect(() =>
        fakeApp()
          .builder.stream(orders)
          .split({ rest: () => true }),
      ).toThrow(/MR_CONFIG: split/)
    })
    it('selects a key before it is joined with a global table', () => {
      const { builder } = fakeApp()
      expect(() => builder.stream(orders).join(builder.globalTable(users) as never, (order) => order)).toThrow(/MR_CONFIG: join/)
    })
  })

  it('writes to a topic with all that its descriptor says', () => {
    const app = fakeApp()
    const partition = () => 0
    const target = topic('target', { key: codec.string, value: codec.json<Order>(), partition })
    expect(app.builder.stream(orders).toTopic(target)).toEqual({ _tag: 'Pipeline', name: 'target' })
    expect(app.plan().subTopologies[0]?.sinks[0]?.to).toBe(target)
  })
  it('keeps the codec of a custom type through reduce, where JSON would not give it back', () => {
    const date: Codec<Date> = {
      name: 'date',
      encode: (d) => codec.number.encode(d.getTime()),
      decode: (b) => new Date(codec.number.decode(b)),
    }
    const app = fakeApp()
    app.builder
      .stream(topic('dates', { key: codec.string, value: date }))
      .groupByKey()
      .reduce((a) => a)
    expect(storesOf(app)[0]?.value).toBe(date)
  })
})

import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { agg, codec, topic, type App, type GlobalTable, type KRecord, type KTable } from 'millrace'
import { testContext } from 'millrace/testing'

interface Order {
  readonly user: string
  readonly amount: number
}
const orders = topic('orders', { key: codec.string, value: codec.json<Order>() })
const numbers = topic('numbers', { key: codec.string, value: codec.number })
const texts = topic('texts', { key: codec.string, value: codec.string })
const out = topic('out', { key: codec.string, value: codec.json<unknown>() })

/** What came out for these orders, in the order it was written, on one partition. */
const through = async (
  define: (app: App) => unknown,
  ...sent: readonly (readonly [key: string, amount: number, at?: number])[]
): Promise<readonly KRecord<string, unknown>[]> => {
  await using t = await testContext(define, { partitions: 1 })
  for (const [key, amount, at] of sent) await t.input(orders).send(key, { user: key.toUpperCase(), amount }, at)
  return t.output(out).read()
}
const valuesOf = (records: readonly KRecord<string, unknown>[]) => records.map(({ value }) => value)

describe('who wants to see all that comes of what there is', () => {
  it('does not wait for a list or a write to be full, behind a promise either', async () => {
    const written: string[] = []
    const define = (app: App): void => {
      const later = app.stream(texts).mapAsync(async (text) => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        return text
      })
      later
        .batch({ size: 10, within: '1h' })
        .map((list) => list.length)
        .toTopic(out)
      later.toSink({
        name: 'database',
        size: 10,
        within: '1h',
        write: (records) => Promise.resolve(void written.push(...records.map(({ value }) => value))),
      })
    }
    await using t = await testContext(define, { partitions: 1 })
    await t.input(texts).send('k', 'v')

    expect([valuesOf(t.output(out).read()), written]).toEqual([[1], ['v']])
  })
})

describe('verbs without state', () => {
  it('filter keeps what passes, map replaces the value, flatMap gives one record per value', async () => {
    const records = await through(
      (app) =>
        app
          .stream(orders)
          .filter(({ amount }) => amount > 1)
          .map(({ amount }) => amount * 10)
          .flatMap((n) => [n, n + 1])
          .toTopic(out),
      ['a', 1],
      ['b', 2],
      ['c', 3],
    )

    expect(records.map(({ key, value }) => [key, value])).toEqual([
      ['b', 20],
      ['b', 21],
      ['c', 30],
      ['c', 31],
    ])
  })

  it('hands each lambda the rest of the record', async () => {
    const records = await through(
      (app) =>
        app
          .stream(orders)
          .map((_, { key, timestamp, topic: from, partition, offset }) => ({ key, timestamp, from, partition, offset }))
          .toTopic(out),
      ['a', 1, 5],
      ['a', 2, 7],
    )

    expect(valuesOf(records)).toEqual([
      { key: 'a', timestamp: 5, from: 'orders', partition: 0, offset: 0 },
      { key: 'a', timestamp: 7, from: 'orders', partition: 0, offset: 1 },
    ])
  })

  it('withTimestamp and withHeaders set what the sink writes; tap sees records pass', async () => {
    const seen: number[] = []
    const records = await through(
      (app) =>
        app
          .stream(orders)
          .tap(({ amount }) => void seen.push(amount))
          .withTimestamp(({ amount }) => amount * 1000)
          .withHeaders(() => ({ origin: 'mill' }))
          .toTopic(out),
      ['a', 4, 1],
    )

    expect(records.map(({ timestamp, headers }) => [timestamp, headers.text('origin')])).toEqual([[4000, 'mill']])
    expect(seen).toEqual([4])
  })

  it('mapEither and split send each record down one branch', async () => {
    const records = await through(
      (app) => {
        const { left, right } = app.stream(orders).mapEither(({ amount }) => (amount < 0 ? E.left('negative') : E.right(amount)))
        left.map((why) => ({ why })).toTopic(out)
        const { small, rest } = right.split({ small: (n) => n < 10 })
        small
          .map((n) => ({ small: n }))
          .mergeWith(rest.map((n) => ({ rest: n })))
          .toTopic(out)
      },
      ['a', -1],
      ['a', 5],
      ['a', 50],
    )

    expect(valuesOf(records)).toEqual([{ why: 'negative' }, { small: 5 }, { rest: 50 }])
  })

  it('mapAsync keeps the order of its input while later promises settle first', async () => {
    const records = await through(
      (app) =>
        app
          .stream(orders)
          .flatMap(({ amount }) => Array.from({ length: amount }, (_, i) => amount - i))
          .mapAsync(async (n) => {
            for (let i = 0; i < n; i++) await Promise.resolve()
            return n
          })
          .toTopic(out),
      ['a', 5],
    )

    expect(valuesOf(records)).toEqual([5, 4, 3, 2, 1])
  })

  it('toTopic chooses the topic of each record by a function', async () => {
    const large = topic('large', { key: codec.string, value: codec.json<Order>() })
    await using t = await testContext((app) => app.stream(orders).toTopic(({ amount }) => (amount > 10 ? large : out)), { partitions: 1 })

    await t.input(orders).send('a', { user: 'A', amount: 5 })
    await t.input(orders).send('a', { user: 'A', amount: 50 })

    expect(t.output(out).values()).toEqual([{ user: 'A', amount: 5 }])
    expect(t.output(large).values()).toEqual([{ user: 'A', amount: 50 }])
  })

  it('through writes the topic and reads it back', async () => {
    const middle = topic('middle', { key: codec.string, value: codec.json<unknown>() })
    await using t = await testContext(
      (app) =>
        app
          .stream(orders)
          .map(({ amount }): unknown => amount)
          .through(middle)
          .toTopic(out),
      { partitions: 1 },
    )

    await t.input(orders).send('a', { user: 'A', amount: 5 })

    expect([t.output(middle).values(), t.output(out).values()]).toEqual([[5], [5]])
  })

  it('each and toSink see every record once, in order', async () => {
    const each: number[] = []
    const writes: number[][] = []
    await using t = await testContext(
      (app) => {
        app.stream(orders).each(async ({ amount }) => {
          await Promise.resolve()
          each.push(amount)
        })
        app
          .stream(orders)
          .toSink({ name: 'sink', size: 2, write: async (records) => void writes.push(records.map(({ value }) => value.amount)) })
      },
      { partitions: 1 },
    )

    for (const amount of [1, 2, 3]) await t.input(orders).send('a', { user: 'A', amount })

    expect(each).toEqual([1, 2, 3])
    expect(writes.flat()).toEqual([1, 2, 3])
  })
})

describe('verbs by key', () => {
  it('keyBy, groupBy and repartition bring equal keys together, whichever partition they came in on', async () => {
    await using t = await testContext((app) =>
      app
        .stream(orders)
        .groupBy(({ user }) => user.slice(0, 1), codec.string)
        .count()
        .toTopic(numbers),
    )
    for (const key of ['ada', 'amy', 'bob', 'abe']) await t.input(orders).send(key, { user: key, amount: 1 })

    expect(t.output(numbers).toMap()).toEqual(
      new Map([
        ['a', 3],
        ['b', 1],
      ]),
    )
  })

  it('reduce folds values with one another, aggregate with a result of another type', async () => {
    await using t = await testContext((app) => {
      const grouped = app.stream(numbers).groupByKey()
      grouped
        .reduce((a, b) => Math.max(a, b), { name: 'largest', value: codec.number })
        .toTopic(topic('largest', { key: codec.string, value: codec.number }))
      grouped.aggregate({ empty: '', add: (acc, n) => `${acc}${n}` }, { name: 'digits' }).toTopic(texts2)
    })
    for (const n of [3, 7, 5]) await t.input(numbers).send('k', n)

    expect(t.output(topic('largest', { key: codec.string, value: codec.number })).toMap()).toEqual(new Map([['k', 7]]))
    expect(t.output(texts2).toMap()).toEqual(new Map([['k', '375']]))
  })

  it('keeps the result of every aggregator of agg over a restart', async () => {
    const all = agg.struct({
      count: agg.count,
      sum: agg.sum((n: number) => n),
      mean: agg.mean((n: number) => n),
      min: agg.min((n: number) => n),
      max: agg.max((n: number) => n),
      first: agg.first<number>(),
      latest: agg.latest<number>(),
      top: agg.topN(2, (n: number) => n),
      last: agg.collect<number>(2),
    })
    await using t = await testContext((app) => app.stream(numbers).groupByKey().aggregate(all, { name: 'all' }).toTopic(out))
    for (const n of [4, 9]) await t.input(numbers).send('k', n)
    await t.restart()
    await t.input(numbers).send('k', 2)

    expect(t.output(out).toMap().get('k')).toEqual({
      count: 3,
      sum: 15,
      mean: { sum: 15, count: 3, mean: 5 },
      min: 2,
      max: 9,
      first: O.some(4),
      latest: O.some(2),
      top: [9, 4],
      last: [9, 2],
    })
  })
})
const texts2 = topic('texts-out', { key: codec.string, value: codec.json<string>() })

describe('tables', () => {
  const users = topic('users', {
    key: codec.string,
    value: codec.json<{ name: string }>(),
    config: { 'cleanup.policy': 'compact' },
    partitions: 4,
  })
  const rows = async <K, V>(entries: AsyncIterable<readonly [K, V]>): Promise<readonly (readonly [K, V])[]> => {
    const found: (readonly [K, V])[] = []
    for await (const entry of entries) found.push(entry)
    return found
  }

  it('upsert by key, delete by null, and answer get and entries in the order of their keys', async () => {
    let table: KTable<string, { name: string }> | undefined
    await using t = await testContext((app) => (table = app.table(users)))
    for (const name of ['cy', 'ada', 'bob']) await t.input(users).send(name, { name })
    await t.input(users).send('bob', null)

    expect(await table?.get('ada')).toEqual(O.some({ name: 'ada' }))
    expect(await table?.get('bob')).toEqual(O.none)
    expect(await rows(table?.entries() ?? never())).toEqual([
      ['ada', { name: 'ada' }],
      ['cy', { name: 'cy' }],
    ])
    expect(await rows(table?.entries({ from: 'b', limit: 1 }) ?? never())).toEqual([['cy', { name: 'cy' }]])
    expect(await rows(table?.entries({ reverse: true }) ?? never())).toEqual([
      ['cy', { name: 'cy' }],
      ['ada', { name: 'ada' }],
    ])
  })

  it('filter deletes downstream what no longer passes, map follows, changes shows both sides', async () => {
    await using t = await testContext((app) => {
      const table = app.stream(numbers).toTable({ name: 'n' })
      table
        .filter((n) => n > 10)
        .map((n) => n * 2)
        .toStream()
        .toTopic(topic('big', { key: codec.string, value: codec.nullable(codec.number) }))
      table
        .changes()
        .map(({ before, after }) => [O.toNullable(before), O.toNullable(after)])
        .toTopic(out)
    })
    for (const n of [5, 20, 30, 6]) await t.input(numbers).send('k', n)

    expect(t.output(topic('big', { key: codec.string, value: codec.nullable(codec.number) })).values()).toEqual([40, 60, null])
    expect(t.output(out).values()).toEqual([
      [null, 5],
      [5, 20],
      [20, 30],
      [30, 6],
    ])
  })

  it('survive a lost disk: one of a compacted topic from the topic itself, another from its changelog', async () => {
    await using t = await testContext((app) => {
      const left = app.table(users)
      const counted = app.stream(texts).groupByKey().count({ name: 'seen' })
      app
        .stream(numbers)
        .leftJoin(left, (n, user) => `${n} ${O.isSome(user) ? user.value.name : 'nobody'}`)
        .toTopic(out)
      counted.toTopic(topic('seen-out', { key: codec.string, value: codec.number }))
    })
    await t.input(users).send('ada', { name: 'Ada' }, 1)
    await t.input(texts).send('ada', 'x')
    await t.loseDisk()
    await t.input(texts).send('ada', 'y')
    await t.input(numbers).send('ada', 1, 2)
    await t.input(numbers).send('bob', 2, 3)

    expect(t.output(out).toMap()).toEqual(
      new Map([
        ['ada', '1 Ada'],
        ['bob', '2 nobody'],
      ]),
    )
    expect(t.output(topic('seen-out', { key: codec.string, value: codec.number })).toMap()).toEqual(new Map([['ada', 2]]))
  })

  it('are joined as of the records that came before in time, whatever arrived first', async () => {
    const people = topic('people', { key: codec.string, value: codec.json<{ name: string }>() })
    await using t = await testContext(
      (app) =>
        app
          .stream(orders)
          .join(app.table(people), ({ amount }, { name }) => `${name} ${amount}`)
          .toTopic(out),
      { partitions: 1 },
    )
    t.app.pause()
    const sent = [
      t.app.send(orders, 'ada', { user: 'ada', amount: 1 }, { timestamp: 30 }),
      t.app.send(people, 'ada', { name: 'Ada' }, { timestamp: 20 }),
      t.app.send(people, 'ada', { name: 'Countess' }, { timestamp: 40 }),
    ]
    await Promise.all(sent)
    t.app.resume()
    await t.commit()

    expect(t.output(out).values()).toEqual(['Ada 1'])
  })

  it('held whole by every instance are joined by any key', async () => {
    const countries = topic('countries', { key: codec.string, value: codec.string })
    let global: GlobalTable<string, string> | undefined
    await using t = await testContext((app) => {
      global = app.globalTable(countries)
      app
        .stream(orders)
        .leftJoin(
          global,
          ({ user }) => (user === 'none' ? null : user),
          (_, name) => O.toNullable(name),
        )
        .map((name) => ({ name }))
        .toTopic(out)
    })
    await t.app.send(countries, 'fr', 'France')
    while (O.isNone((await global?.get('fr')) ?? never())) await new Promise((next) => setImmediate(next))
    for (const user of ['fr', 'xx', 'none']) await t.input(orders).send(user, { user, amount: 1 })

    expect(t.output(out).toMap()).toEqual(
      new Map([
        ['fr', { name: 'France' }],
        ['xx', { name: null }],
        ['none', { name: null }],
      ]),
    )
  })
})
const never = (): never => {
  throw new Error('the table was not declared')
}

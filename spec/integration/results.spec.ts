import * as O from 'fp-ts/lib/Option.js'
import * as Th from 'fp-ts/lib/These.js'
import { agg, codec, session, topic, tumbling, type App } from 'millrace'
import { testContext, type TestContext } from 'millrace/testing'

const lefts = topic('lefts', { key: codec.string, value: codec.string })
const rights = topic('rights', { key: codec.string, value: codec.string })
const out = topic('out', { key: codec.string, value: codec.nullable(codec.string) })

const seen = (t: TestContext) =>
  t
    .output(out)
    .read()
    .map(({ key, value, timestamp, headers }) => [key, value, timestamp, headers.text('by') ?? ''])

describe('the timestamp and headers of a result', () => {
  it('of two tables: the larger time, of a delete too, of a row that is gone not; the headers of the change', async () => {
    const define = (app: App) =>
      app
        .table(lefts)
        .outerJoin(
          app.table(rights),
          Th.match(
            (l) => `${l}-`,
            (r) => `-${r}`,
            (l, r) => l + r,
          ),
        )
        .toTopic(out)
    await using t = await testContext(define, { partitions: 1 })
    await t.input(lefts).send('k', 'L', 50, { by: 'first' })
    await t.input(rights).send('k', 'R', 10, { by: 'second' })
    await t.input(lefts).send('k', null, 90, { by: 'third' })
    await t.input(rights).send('k', 'Q', 20, { by: 'fourth' })
    await t.input(rights).send('k', null, 15)

    expect(seen(t)).toEqual([
      ['k', 'L-', 50, 'first'],
      ['k', 'LR', 50, 'second'],
      ['k', '-R', 90, 'third'],
      ['k', '-Q', 20, 'fourth'],
      ['k', null, 15, ''],
    ])
  })

  it('of a window: the largest time in it, also when it closes later; the headers of what has told it', async () => {
    const define = (app: App) => {
      const group = app.stream(lefts).groupByKey()
      const text = (n: number | null) => String(n)
      const final = group.window(tumbling(10, { grace: 5, emit: 'final' })).count()
      final
        .toStream()
        .map(text)
        .keyBy((_, { key }) => key.key, codec.string, { name: 'by-key' })
        .toTopic(out)
    }
    await using t = await testContext(define, { partitions: 1 })
    await t.input(lefts).send('k', 'x', 7, { by: 'newest' })
    await t.input(lefts).send('k', 'x', 3, { by: 'older' })
    await t.input(lefts).send('j', 'x', 15, { by: 'closer' })

    expect(seen(t)).toEqual([['k', '2', 7, 'closer']])
  })

  it('of a session that becomes part of another: its own last time', async () => {
    const define = (app: App) => {
      const sessions = app
        .stream(lefts)
        .groupByKey()
        .window(session(10, { grace: 20 }))
        .aggregate(agg.count)
      sessions
        .toStream()
        .map((n, { key }) => `${key.start}-${key.end}: ${n ?? 'none'}`)
        .keyBy((_, { key }) => key.key, codec.string, { name: 'by-key' })
        .toTopic(out)
    }
    await using t = await testContext(define, { partitions: 1 })
    for (const at of [0, 20, 10]) await t.input(lefts).send('k', 'x', at)

    expect(seen(t).map(([, value, timestamp]) => [value, timestamp])).toEqual([
      ['0-0: 1', 0],
      ['20-20: 1', 20],
      ['0-0: none', 0],
      ['20-20: none', 20],
      ['0-20: 3', 20],
    ])
  })
})

describe('the row of a closed window', () => {
  it('is joined for another size and grace, and then goes without a result', async () => {
    const probes = topic('probes', { key: codec.windowed(codec.string, 10), value: codec.string })
    const told = topic('told', { key: codec.windowed(codec.string, 10), value: codec.string })
    const define = (app: App) => {
      const counts = app
        .stream(lefts)
        .groupByKey()
        .window(tumbling(10, { grace: 5 }))
        .count()
      counts.changes().map(() => 'change').toTopic(told) // prettier-ignore
      app
        .stream(probes)
        .leftJoin(counts, (_, n) => String(O.toNullable(n)))
        .toTopic(told)
    }
    await using t = await testContext(define, { partitions: 1 })
    const probe = (at: number) => t.input(probes).send({ key: 'k', start: 0, end: 10 }, '', at)
    await t.input(lefts).send('k', 'x', 1)
    await t.input(lefts).send('other', 'x', 29)
    await probe(29)
    await t.input(lefts).send('other', 'x', 30)
    await probe(30)

    expect(t.output(told).values()).toEqual(['change', 'change', '1', 'change', 'null'])
  })
})

describe('the row of a window', () => {
  const told = topic('told', { key: codec.windowed(codec.string), value: codec.string })
  const counts = (app: App, of: typeof lefts) =>
    app.stream(of).groupByKey().window(tumbling(10)).count({ name: of.name }) // prettier-ignore

  it('is found by who looks it up as soon as it is there, before a commit and after it', async () => {
    const define = (app: App) => {
      const own = counts(app, lefts)
      own
        .toStream()
        .leftJoin(own, (n, row) => `${n} ${String(O.toNullable(row))}`)
        .toTopic(told)
    }
    await using t = await testContext(define, { partitions: 1, commit: 'manual' })
    await t.input(lefts).send('k', 'x', 1)
    await t.input(lefts).send('k', 'x', 2)
    await t.commit()
    await t.input(lefts).send('k', 'x', 3)
    await t.input(lefts).send('k', 'x', 11)
    await t.commit()

    expect(t.output(told).values()).toEqual(['1 1', '2 2', '3 3', '1 1'])
  })

  it('is joined with that of another table, before a commit and after it', async () => {
    const define = (app: App) => {
      counts(app, lefts)
        .join(counts(app, rights), (a, b) => `${a} of ${b}`)
        .toTopic(told)
    }
    await using t = await testContext(define, { partitions: 1, commit: 'manual' })
    await t.input(rights).send('k', 'x', 1)
    await t.input(lefts).send('k', 'x', 2)
    await t.commit()
    await t.input(rights).send('k', 'x', 3)
    await t.input(lefts).send('k', 'x', 11)
    await t.input(rights).send('k', 'x', 12)
    await t.commit()

    expect(t.output(told).values()).toEqual(['1 of 1', '1 of 2', '1 of 1'])
  })

  it('is found when it is a session', async () => {
    const visits = topic('visits', { key: codec.windowed(codec.string), value: codec.string })
    const define = (app: App) => {
      const own = app.stream(lefts).groupByKey().window(session(10)).count() // prettier-ignore
      own
        .toStream()
        .leftJoin(own, (n, row) => `${n} ${String(O.toNullable(row))}`)
        .toTopic(visits)
    }
    await using t = await testContext(define, { partitions: 1, commit: 'manual' })
    await t.input(lefts).send('k', 'x', 1)
    await t.input(lefts).send('k', 'x', 2)
    await t.commit()

    expect(t.output(visits).values()).toContain('2 2')
  })
})

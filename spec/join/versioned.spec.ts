import * as O from 'fp-ts/lib/Option.js'
import { codec, topic, type App, type TableJoinOptions } from 'millrace'
import { testContext, type TestContext } from 'millrace/testing'
import { historyCodec } from '../../lib/table/history.js'

const nullable = codec.nullable(codec.string)
const stream = topic('stream', { key: nullable, value: nullable })
const rows = topic('rows', { key: codec.string, value: codec.string })
const out = topic('out', { key: nullable, value: codec.string })

const define = (history: number, grace?: number) => (app: App) =>
  app
    .stream(stream)
    .leftJoin(app.table(rows, { history }), (l, r) => `${l}${O.isSome(r) ? r.value : '-'}`, grace === undefined ? {} : { grace })
    .toTopic(out)
const results = (t: TestContext) =>
  t
    .output(out)
    .read()
    .map(({ key, value, timestamp }) => [key, value, timestamp])

describe('a stream joined with a versioned table', () => {
  it('finds the row as of its own time', async () => {
    await using t = await testContext(define(100), { partitions: 1 })
    const [left, right] = [t.input(stream), t.input(rows)]
    await right.send('k', 'a', 10)
    await right.send('k', 'c', 30)
    await right.send('k', 'b', 20)
    await right.send('k', null, 40)
    for (const at of [9, 10, 19, 20, 30, 39, 40, 1000]) await left.send('k', 'L', at)

    expect(results(t).map(([, value]) => value)).toEqual(['L-', 'La', 'La', 'Lb', 'Lc', 'Lc', 'L-', 'L-'])
  })
  it('knows of the time before its history only the newest row, and drops changes older than that', async () => {
    await using t = await testContext(define(10), { partitions: 1 })
    const [left, right] = [t.input(stream), t.input(rows)]
    await right.send('old', 'a', 10)
    await right.send('k', 'a', 85)
    await right.send('k', 'b', 95)
    await right.send('other', 'x', 100)
    await right.send('k', 'late', 89)
    await right.send('k', 'in time', 90)
    for (const at of [89, 90, 94, 95]) await left.send('k', 'L', at)
    await left.send('old', 'L', 20)

    expect(results(t).map(([, value]) => value)).toEqual(['L-', 'Lin time', 'Lin time', 'Lb', 'La'])
  })
  it('shows the newest rows to queries and to what follows it', async () => {
    const changes = topic('changes', { key: codec.string, value: nullable })
    await using t = await testContext((app) => app.table(rows, { history: '1m' }).toStream().toTopic(changes), { partitions: 1 })
    await t.input(rows).send('k', 'b', 20)
    await t.input(rows).send('k', 'a', 10)
    await t.input(rows).send('k', 'c', 20)
    await t.input(rows).send('gone', 'x', 20)
    await t.input(rows).send('gone', null, 25)

    expect(t.output(changes).values()).toEqual(['b', 'c', 'x', null])
  })
  it('holds records for as long as grace says, and gives them in order of time, key and arrival', async () => {
    await using t = await testContext(define(1000, 10), { partitions: 1 })
    const [left, right] = [t.input(stream), t.input(rows)]
    await left.send('b', '1', 20, { trace: 'held' })
    await left.send('a', '2', 20)
    await left.send('b', '3', 15)
    await left.send('b', '4', 20)
    await right.send('b', 'x', 18)
    await left.send(null, 'null key', 500)
    expect(results(t)).toEqual([[null, 'null key-', 500]])
    await t.loseDisk()
    await left.send('b', '5', 29)
    expect(results(t)).toEqual([['b', '3-', 15]])
    await left.send('b', 'late', 18)
    await left.send('c', '6', 30)

    expect(
      t
        .output(out)
        .read()
        .map(({ value, headers }) => [value, headers.text('trace')]),
    ).toEqual([
      ['latex', undefined],
      ['2-', undefined],
      ['1x', 'held'],
      ['4x', undefined],
    ])
  })
  it('has the whole history of a key in one value of its changelog, so compaction loses nothing', async () => {
    await using t = await testContext(define(100), { partitions: 1 })
    for (const [value, at] of [['a', 10], ['b', 20], [null, 30], ['d', 40]] as const) await t.input(rows).send('k', value, at) // prettier-ignore
    const changelog = topic('test-rows-changelog', { key: codec.string, value: codec.bytes })
    const entries = t.output(changelog).toMap()
    await t.loseDisk()
    for (const at of [9, 10, 25, 35, 40]) await t.input(stream).send('k', 'L', at)

    const history = historyCodec(codec.string).decode(entries.get('\x01k') ?? null)
    expect(history.map(({ timestamp, value }) => [timestamp, value])).toEqual([
      [10, 'a'],
      [20, 'b'],
      [30, undefined],
      [40, 'd'],
    ])
    expect(t.output(out).values()).toEqual(['L-', 'La', 'Lb', 'L-', 'Ld'])
  })
  it('refuses a grace that the table cannot serve', async () => {
    const join = (history: number | undefined, grace: number) =>
      testContext((app) => app.stream(stream).join(app.table(rows, { history }) as never, () => '', { grace }))

    await expect(join(undefined, 1)).rejects.toMatchObject({ code: 'MR_CONFIG' })
    await expect(join(5, 6)).rejects.toMatchObject({ code: 'MR_CONFIG' })
    await expect(join(5, -1)).rejects.toMatchObject({ code: 'MR_DURATION' })
    await expect(join(-1, 0)).rejects.toMatchObject({ code: 'MR_DURATION' })
  })
  it('holds the records of two joins of one stream with one table apart, by the name of one of them', async () => {
    const twice = (options: TableJoinOptions) => (app: App) => {
      const [left, table] = [app.stream(stream), app.table(rows, { history: 20 })]
      left.join(table, (l, r) => `first ${l}${r}`, { grace: 10 }).toTopic(out)
      left.join(table, (l, r) => `second ${l}${r}`, options).toTopic(out)
    }
    await expect(testContext(twice({ grace: 5 }))).rejects.toMatchObject({ code: 'MR_NAME_AMBIGUOUS' })
    await expect(testContext(twice({ name: 'second' }))).rejects.toThrow(
      /MR_CONFIG: join: the name is that of the records that grace holds/,
    )
    await using t = await testContext(twice({ grace: 5, name: 'second' }), { partitions: 1 })
    await t.input(rows).send('k', 'R', 0)
    await t.input(stream).send('k', 'A', 1)
    await t.input(stream).send('k', 'B', 6)
    expect(t.output(out).values()).toEqual(['second AR'])
    await t.input(stream).send('k', 'C', 16)

    expect(t.output(out).values()).toEqual(['first AR', 'first BR', 'second BR'])
  })
})

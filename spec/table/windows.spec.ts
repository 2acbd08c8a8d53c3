import {
  agg,
  calendar,
  codec,
  session,
  topic,
  tumbling,
  type App,
  type FixedWindows,
  type KTable,
  type MillraceError,
  type Windowed,
} from '../../lib/index.js'
import { testContext } from '../../lib/testing/index.js'

const clicks = topic('clicks', { key: codec.string, value: codec.string })
const late = topic('late', { key: codec.string, value: codec.string })
const out = topic('out', { key: codec.windowed(codec.string), value: codec.string })

type Result = readonly [window: string, value: string]
const named = ({ key, start, end }: Windowed<string>): string => `${key}@${start}-${end}`

/** All values of each window, in order of arrival; joined sessions keep the order of their records' sessions. */
const together = { empty: '', add: (all: string, value: string) => all + value, merge: (a: string, b: string) => a + b }

const last = (results: readonly Result[]): Readonly<Record<string, string>> => {
  const rows = new Map(results)
  return Object.fromEntries([...rows].filter(([, value]) => value !== 'null'))
}

describe('windows', () => {
  const count = (app: App, windows: FixedWindows, to = out) =>
    app.stream(clicks).groupByKey().window(windows, { late }).aggregate(together).toTopic(to)

  it('send what is late to a topic of its own, over the end of a window and its grace', async () => {
    await using t = await testContext((app) => count(app, tumbling(10, { grace: 5 })), { partitions: 1 })
    for (const [value, at] of [
      ['a', 3],
      ['b', 14],
      ['c', 9],
      ['d', 15],
      ['e', 9],
    ] as const)
      await t.input(clicks).send('k', value, at)

    expect(t.output(late).values()).toEqual(['e'])
    expect(
      last(
        t
          .output(out)
          .read()
          .map(({ key, value }): Result => [named(key), value ?? 'null']),
      ),
    ).toEqual({ 'k@0-10': 'ac', 'k@10-20': 'bd' })
  })

  it('close on a quiet topic when the wall clock may move them, once, and also after a crash', async () => {
    const windows = tumbling('10s', { grace: '1s', emit: 'final', closeAfterIdle: '5s' })
    await using t = await testContext((app) => count(app, windows), { partitions: 2 })
    await t.input(clicks).send('k', 'a', 1000)
    await t.advance('4s')
    await t.crash()
    await t.advance('4s')
    expect(t.output(out).values()).toEqual([])
    await t.advance('10s')
    expect(t.output(out).values()).toEqual(['a'])
    await t.input(clicks).send('k', 'b', 2000)
    await t.advance('60s')

    expect(t.output(out).values()).toEqual([])
    expect(t.output(late).values()).toEqual(['b'])
  })

  it('wait behind a repartition topic until all that feeds it is read', async () => {
    const windows = tumbling('10s', { emit: 'final', closeAfterIdle: '2s' })
    await using t = await testContext(
      (app) =>
        app
          .stream(clicks)
          .groupBy((value) => value, codec.string)
          .window(windows)
          .count()
          .toTopic(topic('n', { key: codec.windowed(codec.string), value: codec.number })),
      { partitions: 3 },
    )
    for (const key of ['a', 'b', 'c', 'd']) await t.input(clicks).send(key, 'same', 1000)
    await t.advance('30s')

    expect(t.output(topic('n', { key: codec.windowed(codec.string), value: codec.number })).values()).toEqual([4])
  })

  it('go by the calendar of a zone: days of 23 and 25 hours, weeks, months', async () => {
    const hours = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 3_600_000
    const lengths = async (windows: FixedWindows, ...times: readonly string[]): Promise<readonly number[]> => {
      await using t = await testContext((app) => count(app, windows), { partitions: 1, now: Date.parse('2030-01-01') })
      for (const time of times) await t.input(clicks).send('k', 'x', Date.parse(time))
      return t
        .output(out)
        .read()
        .map(({ key }) => (key.end - key.start) / 3_600_000)
    }
    const zone = 'Europe/Berlin'

    expect(await lengths(calendar('day', { zone }), '2026-03-28T12:00Z', '2026-03-29T12:00Z', '2026-10-25T12:00Z')).toEqual([24, 23, 25])
    expect(await lengths(calendar('week', { zone }), '2026-03-24T12:00Z', '2026-04-01T12:00Z')).toEqual([167, 168])
    expect(await lengths(calendar('month'), '2024-02-10T00:00Z', '2024-03-10T00:00Z')).toEqual([29 * 24, 31 * 24])
    expect(hours('2026-01-01', '2026-01-02')).toBe(24)
    expect(() => calendar('day', { zone: 'Middle/Earth' })).toThrow(/Middle/)
  })

  it('are no more than may be open: the record that needs another fails', async () => {
    await using t = await testContext((app) => count(app, tumbling(10, { maxOpen: 2 })), { partitions: 1 })
    await t.input(clicks).send('a', 'x', 1)
    await t.input(clicks).send('b', 'x', 1)
    const failure = await t
      .input(clicks)
      .send('c', 'x', 1)
      .catch((error: unknown) => error as MillraceError)

    expect((failure as MillraceError).message).toContain('MR_WINDOWS_FULL')
  })

  it('can be asked for by key and window while they may be read, and are gone after that', async () => {
    let table: KTable<Windowed<string>, number> | null = null
    await using t = await testContext(
      (app) =>
        (table = app
          .stream(clicks)
          .groupByKey()
          .window(tumbling(10, { grace: 5 }))
          .count()),
      { partitions: 4 },
    )
    const rows = (): KTable<Windowed<string>, number> => table as unknown as KTable<Windowed<string>, number>
    for (const key of ['a', 'b', 'c', 'd', 'e']) await t.input(clicks).send(key, 'x', 3)
    await t.input(clicks).send('c', 'x', 4)

    expect(await rows().get({ key: 'c', start: 0, end: 10 })).toMatchObject({ value: 2 })
    await t.input(clicks).send('cc', 'x', 5)
    await t.input(clicks).send('c', 'x', 12)
    const windows: (readonly [number, number])[] = []
    for await (const [{ start }, n] of rows().windowsOf('c')) windows.push([start, n])
    expect(windows).toEqual([
      [0, 2],
      [10, 1],
    ])
    await t.input(clicks).send('c', 'x', 29)
    expect(await rows().get({ key: 'c', start: 0, end: 10 })).toMatchObject({ value: 2 })
    await t.input(clicks).send('c', 'x', 30)
    expect(await rows().get({ key: 'c', start: 0, end: 10 })).toMatchObject({ _tag: 'None' })
  })

  it('fold with the aggregators of agg, and sessions need to be joined', async () => {
    const totals = topic('totals', { key: codec.windowed(codec.string), value: codec.json<{ n: number; all: readonly string[] }>() })
    await using t = await testContext((app) =>
      app
        .stream(clicks)
        .groupByKey()
        .window(session(5, { grace: '1m' }))
        .aggregate(agg.struct({ n: agg.count, all: agg.collect<string>(9) }))
        .toTopic(totals),
    )
    await t.input(clicks).send('k', 'a', 0)
    await t.input(clicks).send('k', 'c', 10)
    await t.input(clicks).send('k', 'b', 5)

    expect(t.output(totals).values().at(-1)).toEqual({ n: 3, all: ['a', 'c', 'b'] })
  })
})

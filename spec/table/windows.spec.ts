import fc from 'fast-check'
import {
  agg,
  calendar,
  codec,
  hopping,
  session,
  sliding,
  topic,
  tumbling,
  type App,
  type FixedWindows,
  type KTable,
  type MillraceError,
  type SessionWindows,
  type Windowed,
} from '../../lib/index.js'
import { testContext } from '../../lib/testing/index.js'

const clicks = topic('clicks', { key: codec.string, value: codec.string })
const late = topic('late', { key: codec.string, value: codec.string })
const out = topic('out', { key: codec.windowed(codec.string), value: codec.string })

interface Sent {
  readonly key: string
  readonly value: string
  readonly at: number
}
type Result = readonly [window: string, value: string]
const named = ({ key, start, end }: Windowed<string>): string => `${key}@${start}-${end}`

/** All values of each window, in order of arrival; joined sessions keep the order of their records' sessions. */
const together = { empty: '', add: (all: string, value: string) => all + value, merge: (a: string, b: string) => a + b }

type Kind = 'tumbling' | 'hopping' | 'sliding' | 'session'
const size = 10
const grace = 7

/** The windows of a key as they are in the end, slow and obvious: keeps every record, and looks at all of them each time. */
const reference = (kind: Kind, sent: readonly Sent[]): ReadonlyMap<string, string> => {
  let streamTime = -1
  const taken: Sent[] = []
  const sessions: { key: string; start: number; end: number; value: string }[] = []
  const isClosed = (end: number): boolean =>
    kind === 'tumbling' || kind === 'hopping' ? end + grace <= streamTime : end + grace < streamTime
  const results = new Map<string, string>()
  for (const record of sent) {
    streamTime = Math.max(streamTime, record.at)
    const { key, at, value } = record
    if (kind === 'session') {
      const open = sessions.filter((one) => one.key === key && !isClosed(one.end + size))
      const touched = open.filter((one) => one.start - size <= at && at <= one.end + size).sort((a, b) => a.start - b.start)
      const merged = {
        key,
        start: Math.min(at, ...touched.map(({ start }) => start)),
        end: Math.max(at, ...touched.map(({ end }) => end)),
        value: touched.map((one) => one.value).join('') + value,
      }
      if (isClosed(merged.end + size)) continue
      for (const one of touched) {
        sessions.splice(sessions.indexOf(one), 1)
        results.delete(named(one))
      }
      sessions.push(merged)
      results.set(named(merged), merged.value)
      continue
    }
    const starts =
      kind === 'tumbling'
        ? [at - (at % size)]
        : kind === 'hopping'
          ? Array.from({ length: at + 1 }, (_, start) => start).filter((start) => start % 5 === 0 && at < start + size)
          : Array.from({ length: at + 1 }, (_, start) => start).filter((start) => at <= start + size)
    const open = starts.filter((start) => !isClosed(start + size))
    // A sliding window is there when it ends at a record, begins after one, or is the first of all.
    const isThere = (start: number): boolean =>
      kind !== 'sliding' ||
      results.has(named({ key, start, end: start + size })) ||
      start === Math.max(0, at - size) ||
      taken.some((one) => one.key === key && one.at + 1 === start)
    const windows = open.filter(isThere)
    const right = at + 1
    const isLate = windows.length === 0
    const withinRight = taken.filter((one) => one.key === key && one.at >= right && one.at <= right + size)
    if (!isLate) taken.push(record)
    const content = (start: number): string =>
      taken
        .filter((one) => one.key === key && one.at >= start && one.at <= (kind === 'sliding' ? start + size : start + size - 1))
        .map((one) => one.value)
        .join('')
    for (const start of windows) {
      const window = named({ key, start, end: start + size })
      results.set(window, results.has(window) || kind !== 'sliding' ? (results.get(window) ?? '') + value : content(start))
    }
    const rightWindow = named({ key, start: right, end: right + size })
    if (kind === 'sliding' && withinRight.length > 0 && !results.has(rightWindow) && !isClosed(right + size))
      results.set(rightWindow, content(right))
  }
  return results
}

const windowsOf = (kind: Kind, emit: 'updates' | 'final' | { every: number }): FixedWindows | SessionWindows => {
  switch (kind) {
    case 'tumbling':
      return tumbling(size, { grace, emit })
    case 'hopping':
      return hopping(size, { every: 5, grace, emit })
    case 'sliding':
      return sliding(size, { grace, emit })
    case 'session':
      return session(size, { grace, emit })
  }
}

const folded = (app: App, kind: Kind, emit: 'updates' | 'final' | { every: number }): KTable<Windowed<string>, string> => {
  const windows = windowsOf(kind, emit)
  const group = app.stream(clicks).groupByKey()
  return windows._tag === 'SessionWindows' ? group.window(windows).aggregate(together) : group.window(windows).aggregate(together)
}

type Step = Sent | 'restart' | 'crash' | 'loseDisk'
const history = fc.array(
  fc.oneof(
    {
      weight: 15,
      arbitrary: fc.record({ key: fc.constantFrom('a', 'b'), value: fc.constantFrom('x', 'y', 'z'), at: fc.nat({ max: 70 }) }),
    },
    { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'crash' as const, 'loseDisk' as const) },
  ),
  { maxLength: 30 },
)

const play = async (define: (app: App) => unknown, steps: readonly Step[]): Promise<readonly Result[]> => {
  await using t = await testContext(define, { partitions: 1 })
  for (const step of steps) {
    if (typeof step === 'string') await t[step]()
    else await t.input(clicks).send(step.key, step.value, step.at)
  }
  return t
    .output(out)
    .read()
    .map(({ key, value }): Result => [named(key), value ?? 'null'])
}

const sentOf = (steps: readonly Step[]): readonly Sent[] => steps.filter((step) => typeof step !== 'string')
/** After all that was sent, so that every window is closed. */
const closing: Sent = { key: 'zzz', value: '', at: 1000 }
const last = (results: readonly Result[]): Readonly<Record<string, string>> => {
  const rows = new Map(results)
  return Object.fromEntries([...rows].filter(([, value]) => value !== 'null'))
}

describe.each(['tumbling', 'hopping', 'sliding', 'session'] as const)('%s windows', (kind) => {
  it('have the content of all their records, also late and out of order, over restarts, crashes and lost disks', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const results = await play((app) => folded(app, kind, 'updates').toTopic(out), steps)
        expect(last(results)).toEqual(Object.fromEntries(reference(kind, sentOf(steps))))
      }),
      { numRuns: 60, seed: 20_261_124 },
    )
  }, 120_000)

  it('are final once, in the order they close, with the content they have at last', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const results = await play((app) => folded(app, kind, 'final').toTopic(out), [...steps, closing])
        const expected = reference(kind, sentOf(steps))

        expect(results.filter(([window]) => !window.startsWith('zzz'))).toHaveLength(expected.size)
        expect(last(results)).toEqual(Object.fromEntries(expected))
      }),
      { numRuns: 60, seed: 20_261_124 },
    )
  }, 120_000)

  it('tell the newest at a stated rate, and the last when they close', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const results = await play((app) => folded(app, kind, { every: 6 }).toTopic(out), [...steps, closing])
        expect(last(results)).toEqual(Object.fromEntries(reference(kind, sentOf(steps))))
        expect(results.length).toBeLessThanOrEqual(10 * sentOf(steps).length)
      }),
      { numRuns: 40, seed: 20_261_124 },
    )
  }, 120_000)
})

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

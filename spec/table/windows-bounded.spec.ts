import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  agg,
  calendar,
  codec,
  hopping,
  policy,
  session,
  sliding,
  topic,
  tumbling,
  type App,
  type FixedWindows,
  type KTable,
  type SessionWindows,
  type Windowed,
} from '../../lib/index.js'
import { testContext, type TestContext } from '../../lib/testing/index.js'

jest.setTimeout(120_000)

const clicks = topic('clicks', { key: codec.string, value: codec.string })
const late = topic('late', { key: codec.string, value: codec.string })
const dead = topic('dead', { key: codec.string, value: codec.string })
const counts = topic('counts', { key: codec.windowed(codec.string), value: codec.number })
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const sendAll = (t: TestContext, records: readonly (readonly [key: string, value: string, at: number])[]): Promise<unknown> =>
  Promise.all(records.map(([key, value, at]) => t.app.send(clicks, key, value, { timestamp: at })))

const countsOf = (app: App, windows: FixedWindows | SessionWindows): KTable<Windowed<string>, number> => {
  const group = app.stream(clicks).groupByKey()
  return windows._tag === 'SessionWindows' ? group.window(windows).count() : group.window(windows).count()
}

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => (error as Error).message,
  )

describe('windows that come and go', () => {
  const bytesOf = (folder: string): number =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('data.mdb'))
      .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
  const rowsOf = async (table: KTable<Windowed<string>, number>): Promise<number> => {
    let rows = 0
    for await (const _ of table.entries()) rows++
    return rows
  }

  it.each([
    ['tumbling', tumbling('10s'), 400],
    ['hopping', hopping('10s', { every: '5s' }), 1000],
    ['sliding', sliding('10s'), 1200],
    ['session', session('5s'), 400],
  ] as const)('leave as many rows, and a file as large, after 200 of them as after 50: %s', async (_, windows, most) => {
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-windows-'))
    const tables: KTable<Windowed<string>, number>[] = []
    const t = await testContext((app) => tables.push(countsOf(app, windows)), { partitions: 1, commit: 'manual', stateDir })
    const table = tables[0] as KTable<Windowed<string>, number>
    const sizes: number[] = []
    const rows: number[] = []
    for (let round = 1; round <= 200; round++) {
      await sendAll(
        t,
        Array.from({ length: 100 }, (_, i) => [`key-${i}`, 'x', round * 10_000 + i] as const),
      )
      await t.commit()
      if (round % 50 === 0) {
        sizes.push(bytesOf(stateDir))
        rows.push(await rowsOf(table))
      }
    }
    await t[Symbol.asyncDispose]()
    rmSync(stateDir, { recursive: true, force: true })

    expect(sizes[3]).toBe(sizes[0])
    expect(rows).toEqual([rows[0], rows[0], rows[0], rows[0]])
    expect(rows[0]).toBeLessThanOrEqual(most)
  })
})

describe('windows and bad input', () => {
  it('fail with store, key and size when a result is larger than a record may be', async () => {
    const define = (app: App) => app.stream(clicks).groupByKey().window(tumbling(10)).aggregate(agg.collect<string>(9), { name: 'pages' })
    for (const delivery of ['at-least-once', 'exactly-once'] as const) {
      const t = await testContext(define, { partitions: 1, commit: 'manual', delivery, logger: silent })
      await sendAll(
        t,
        [1, 2, 3].map((at) => ['ada', 'x'.repeat(400_000), at] as const),
      )
      const message = await messageOf(t.commit())
      await t[Symbol.asyncDispose]()

      expect(message).toMatch(
        /MR_RECORD_TOO_LARGE: the row "ada.*" of store "pages" has 1200010 bytes.*1048588 are allowed.*max\.message\.bytes/s,
      )
    }
  })

  it('are no more than may be open: the policy decides on the record that needs another, and the others go on', async () => {
    const define = (app: App) =>
      countsOf(app, tumbling(10, { maxOpen: 2 }))
        .toStream()
        .toTopic(counts)
    await using t = await testContext(define, { partitions: 1, logger: silent, onError: policy.deadLetter(dead.name) })
    await sendAll(t, [
      ['a', 'x', 1],
      ['b', 'x', 1],
      ['c', 'third key', 1],
      ['a', 'x', 2],
      ['c', 'third window', 11],
    ])
    await t.commit()

    expect(t.output(counts).read().map(({ key, value }) => `${key.key}@${key.start} ${value}`)).toEqual(['a@0 1', 'b@0 1', 'a@0 2']) // prettier-ignore
    expect(
      t
        .output(dead)
        .read()
        .map(({ key, value }) => [key, value]),
    ).toEqual([
      ['c', 'third key'],
      ['c', 'third window'],
    ])
  })

  it('count a flood of late records, tell it nowhere line by line, and give it to the topic for late ones', async () => {
    const lines: unknown[] = []
    const say = (...line: readonly unknown[]) => void lines.push(line)
    const define = (app: App) => app.stream(clicks).groupByKey().window(tumbling(10), { late }).count({ name: 'n' })
    await using t = await testContext(define, { partitions: 1, logger: { debug: say, info: say, warn: say, error: say } })
    await t.input(clicks).send('k', 'now', 1_000_000)
    const said = lines.length
    await sendAll(
      t,
      Array.from({ length: 5000 }, (_, i) => ['k', String(i), i] as const),
    )
    await t.commit()

    expect(lines).toHaveLength(said)
    expect(t.output(late).read()).toHaveLength(5000)
  })

  it('are not closed unseen by a record of the far future: it fails to decode, and moves no time', async () => {
    const define = (app: App) =>
      countsOf(app, tumbling('1h', { emit: 'final' }))
        .toStream()
        .toTopic(counts)
    const dayMs = 86_400_000
    await using t = await testContext(define, { partitions: 1, logger: silent, onError: policy.deadLetter(dead.name) })
    await sendAll(t, [
      ['k', 'a', 1000],
      ['k', 'ages ahead', 1e5 * 365 * dayMs],
      ['k', 'just over a day ahead', dayMs + 1],
      ['k', 'b', 2000],
    ])
    await t.commit()
    expect(t.output(counts).values()).toEqual([])
    await t.input(clicks).send('k', 'a day ahead', dayMs)

    expect(t.output(counts).values()).toEqual([2])
    expect(t.output(dead).values()).toEqual(['ages ahead', 'just over a day ahead'])
  })

  it('keep the hours of a day of 23 and of one of 25 hours apart, and each record in one day', async () => {
    const days = async (zone: string, from: string, hours: number): Promise<readonly string[]> => {
      const start = Date.parse(from)
      const define = (app: App) =>
        countsOf(app, calendar('day', { zone, emit: 'final' }))
          .toStream()
          .toTopic(counts)
      await using t = await testContext(define, { partitions: 1, now: start + 48 * 3_600_000 })
      await sendAll(
        t,
        Array.from({ length: hours }, (_, hour) => ['k', 'x', start + hour * 3_600_000] as const),
      )
      await t.input(clicks).send('end', 'x', start + hours * 3_600_000 + 1)
      return t
        .output(counts)
        .read()
        .map(({ key, value }) => `${new Date(key.start).toISOString()} ${(key.end - key.start) / 3_600_000} h ${value}`)
    }

    expect(await days('Europe/Berlin', '2026-03-28T23:00:00.000Z', 23)).toEqual(['2026-03-28T23:00:00.000Z 23 h 23'])
    expect(await days('Europe/Berlin', '2026-10-24T22:00:00.000Z', 25)).toEqual(['2026-10-24T22:00:00.000Z 25 h 25'])
    expect(await days('America/New_York', '2026-03-08T05:00:00.000Z', 23)).toEqual(['2026-03-08T05:00:00.000Z 23 h 23'])
    // Half an hour, at two in the morning.
    expect(await days('Australia/Lord_Howe', '2026-04-04T13:00:00.000Z', 25)).toEqual(['2026-04-04T13:00:00.000Z 24.5 h 25'])
  })
})

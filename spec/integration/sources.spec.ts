import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codec, createApp, topic, type App, type Logger, type StreamOptions } from 'millrace'
import { testContext } from 'millrace/testing'

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const input = topic('input', { key: codec.string, value: codec.number, partitions: 1 })

/** Apps on one log on the disk, one after the other. */
const onDisk = async (test: (app: (id: string, define: (app: App) => unknown) => Promise<App>) => Promise<void>): Promise<void> => {
  const stateDir = mkdtempSync(join(tmpdir(), 'millrace-sources-'))
  const apps: App[] = []
  const started = async (id: string, define: (app: App) => unknown): Promise<App> => {
    const app = createApp({ id, stateDir, logger: silent })
    apps.push(app)
    define(app)
    await app.start()
    return app
  }
  try {
    await test(started)
  } finally {
    await Promise.all(apps.map((app) => app.stop()))
    rmSync(stateDir, { recursive: true, force: true })
  }
}
const writer = (app: App) => app.stream(topic('other', { key: codec.string, value: codec.string })).each(() => undefined)
const reading = (seen: number[], options: StreamOptions) => (app: App) => app.stream(input, options).each((n) => void seen.push(n))

describe('where a stream begins and ends', () => {
  it.each<readonly [string, StreamOptions, readonly number[]]>([
    ['at the earliest record by default', {}, [1, 2, 3, 4]],
    ['at the end with from latest', { from: 'latest' }, [4]],
    ['at a time', { from: { at: 2000 } }, [2, 3, 4]],
    ['and ends at the end of its start with until now', { until: 'now' }, [1, 2, 3]],
    ['and ends before a time', { until: { at: 3000 } }, [1, 2]],
  ])('%s', async (_, options, expected) => {
    await onDisk(async (start) => {
      const sender = await start('sender', writer)
      for (const n of [1, 2, 3]) await sender.send(input, 'k', n, { timestamp: n * 1000 })
      const seen: number[] = []
      const reader = await start('reader', reading(seen, options))
      await sender.send(input, 'k', 4, { timestamp: 4000 })
      await reader.settled()

      expect(seen).toEqual(expected)
    })
  })
})

describe('a committed offset that is no longer in the log', () => {
  const short = topic('short', { key: codec.string, value: codec.number, partitions: 1, config: { 'retention.bytes': '300' } })
  const read = (seen: number[], options: StreamOptions) => (app: App) => app.stream(short, options).each((n) => void seen.push(n))

  it.each(['fail', 'earliest', 'latest'] as const)('is dealt with as onOutOfRange says: %s', async (onOutOfRange) => {
    await onDisk(async (start) => {
      const first: number[] = []
      const reader = await start('reader', read(first, {}))
      await reader.send(short, 'k', 1)
      await reader.settled()
      await reader.stop()
      const sender = await start('sender', writer)
      for (const n of [2, 3, 4, 6, 7, 8, 9, 10, 11]) await sender.send(short, 'k', n)
      const seen: number[] = []
      const again = await start('reader', read(seen, { onOutOfRange }))
      const outcome = await Promise.race([
        again.done.catch((error: { readonly code: string }) => error.code),
        again.settled().then(
          () => 'settled',
          (error: { readonly code: string }) => error.code,
        ),
      ])
      await sender.send(short, 'k', 5).catch(() => undefined)
      if (onOutOfRange !== 'fail') await again.settled()

      expect(outcome).toBe(onOutOfRange === 'fail' ? 'MR_OUT_OF_RANGE' : 'settled')
      expect(seen.at(-1)).toBe(onOutOfRange === 'fail' ? undefined : 5)
      expect(seen.includes(2)).toBe(false)
    })
  })
})

describe('how values are written inside the app', () => {
  const text = topic('text', { key: codec.string, value: codec.string })

  it('is JSON for what a lambda has made, and what encodedAs says', async () => {
    await using t = await testContext((app) => {
      const shouted = app.stream(text).map((value) => value.toUpperCase())
      shouted
        .keyBy((value) => value, codec.string, { name: 'as-json' })
        .groupByKey()
        .count()
      shouted
        .encodedAs(codec.string)
        .keyBy((value) => value, codec.string, { name: 'as-text' })
        .groupByKey()
        .count()
    })
    await t.input(text).send('k', 'mill')
    const bytes = (name: string) =>
      t
        .output(topic(`test-${name}-repartition`, { key: codec.string, value: codec.bytes }))
        .values()
        .map(String)

    expect([bytes('as-json'), bytes('as-text')]).toEqual([['"MILL"'], ['MILL']])
  })

  it('is the bytes of the source where nobody has changed them', async () => {
    await using t = await testContext((app) =>
      app
        .stream(input)
        .repartition({ partitions: 2, name: 'spread' })
        .toTopic(topic('copy', { key: codec.string, value: codec.number })),
    )
    for (let i = 0; i < 10; i++) await t.input(input).send(`k${i}`, i)

    expect(
      [
        ...t
          .output(topic('copy', { key: codec.string, value: codec.number }))
          .toMap()
          .values(),
      ].sort(),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(
      new Set(
        t
          .output(topic('test-spread-repartition', { key: codec.string, value: codec.number }))
          .read()
          .map(({ partition }) => partition),
      ),
    ).toEqual(new Set([0, 1]))
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as O from 'fp-ts/lib/Option.js'
import { codec, createApp, isMillraceError, topic, type App, type AppState, type KRecord, type Logger } from 'millrace'
import { testContext } from 'millrace/testing'
import { Subject, map, toArray } from 'rxjs'

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const input = topic('input', { key: codec.string, value: codec.number })
const out = topic('out', { key: codec.string, value: codec.number })
const copy = (app: App) => app.stream(input).toTopic(out)
const memory = (id: string) => createApp({ id, stateDir: ':memory:', logger: silent })
const codeOf = (thrown: unknown) => (isMillraceError(thrown) ? thrown.code : thrown)
const thrownBy = (call: () => unknown): unknown => {
  try {
    return call()
  } catch (error) {
    return codeOf(error)
  }
}

describe('an app', () => {
  it('starts once: twice gives the same promise, after stop it is over', async () => {
    const app = memory('once')
    copy(app)

    const [first, second] = [app.start(), app.start()]
    await first
    await app.stop()

    expect(second).toBe(first)
    await expect(app.start()).rejects.toMatchObject({ code: 'MR_APP_STOPPED' })
    await expect(app.stop()).resolves.toBeUndefined()
    await expect(app.done).resolves.toBeUndefined()
  })

  it('takes nothing before it runs, and no verb afterwards', async () => {
    const app = memory('before')
    const table = app.table(input)
    await expect(app.send(input, 'k', 1)).rejects.toMatchObject({ code: 'MR_APP_NOT_STARTED' })
    await expect(table.get('k')).rejects.toMatchObject({ code: 'MR_APP_NOT_STARTED' })
    await expect(app.settled()).rejects.toMatchObject({ code: 'MR_APP_NOT_STARTED' })
    await app.start()

    expect(thrownBy(() => app.stream(out))).toBe('MR_TOPOLOGY_FROZEN')
    expect(thrownBy(() => table.filter(() => true))).toBe('MR_TOPOLOGY_FROZEN')
    await app.stop()
  })

  it('refuses to start with nothing to do', async () => {
    const app = memory('empty')
    app.stream(input).map((n) => n)

    await expect(app.start()).rejects.toMatchObject({ code: 'MR_TOPOLOGY_EMPTY' })
  })

  it('shows its states, and completes them', async () => {
    const app = memory('states')
    copy(app)
    const seen: AppState[] = []
    app.state$.subscribe((state) => seen.push(state))

    await app.start()
    await app.stop()

    expect(seen).toEqual(
      ['idle', 'starting', 'restoring', 'running', 'stopping', 'rebalancing', 'stopped'].filter((state) => state !== 'rebalancing'),
    )
  })

  it('that fails says so everywhere, and still stops', async () => {
    const app = memory('fails')
    const ended: unknown[] = []
    app
      .stream(input)
      .tap(() => {
        throw new Error('broken')
      })
      .subscribe({ error: (error: unknown) => ended.push(codeOf(error)) })
    const states: AppState[] = []
    app.state$.subscribe((state) => states.push(state))
    await app.start()

    await app.send(input, 'k', 1)
    await expect(app.done).rejects.toMatchObject({ code: 'MR_PROCESS' })

    expect(states.at(-1)).toBe('failed')
    expect(ended).toEqual(['MR_PROCESS'])
    await expect(app.settled()).rejects.toMatchObject({ code: 'MR_PROCESS' })
    await expect(app.send(input, 'k', 1)).rejects.toMatchObject({ code: 'MR_PROCESS' })
    await expect(app.stop()).resolves.toBeUndefined()
  })

  it('gives up a start that its signal aborts', async () => {
    const app = memory('aborted')
    copy(app)

    await expect(app.start({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  it('pauses and resumes without losing a record', async () => {
    await using t = await testContext(copy, { partitions: 1 })
    t.app.pause()
    await t.app.send(input, 'k', 1)
    expect(t.output(out).values()).toEqual([])
    t.app.resume()
    await t.commit()

    expect(t.output(out).values()).toEqual([1])
  })

  it('settles at the end that its sources had when it started, with until', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-until-'))
    const first = createApp({ id: 'writer', stateDir })
    first.stream(out).each(() => undefined)
    await first.start()
    for (const n of [1, 2, 3]) await first.send(input, 'k', n, { timestamp: n })
    const app = createApp({ id: 'reader', stateDir })
    const seen: number[] = []
    app.stream(input, { from: { at: 2 }, until: 'now' }).each((n) => void seen.push(n))
    await app.start()
    await first.send(input, 'k', 4, { timestamp: 4 })
    await app.settled()

    expect(seen).toEqual([2, 3])
    await Promise.all([app.stop(), first.stop()])
    rmSync(stateDir, { recursive: true })
  })

  it('shares its log with the other apps of the process, and its work with those of its own name', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-two-'))
    const seen: string[] = []
    const member = (name: string) => {
      const app = createApp({ id: 'shared', stateDir })
      app.stream(input).each((n) => void seen.push(`${name}${n > 0 ? '' : '?'}`))
      return app
    }
    const [a, b] = [member('a'), member('b')]
    await a.start()
    await b.start()
    await Promise.all(Array.from({ length: 40 }, (_, i) => a.send(input, `key-${i}`, i + 1)))
    await Promise.all([a.settled(), b.settled()])

    expect(seen).toHaveLength(40)
    expect(new Set(seen)).toEqual(new Set(['a', 'b']))
    await b.stop()
    await a.send(input, 'one more', 41)
    await a.settled()
    expect(seen).toHaveLength(41)
    await a.stop()
    rmSync(stateDir, { recursive: true })
  })
})

describe('a stream as an Observable', () => {
  const running = async (listen: (app: App) => void) => {
    const app = memory(`rx-${Math.random().toString(36).slice(2)}`)
    copy(app)
    listen(app)
    await app.start()
    return app
  }

  it('hands out plain records, and completes with the app', async () => {
    const seen: KRecord<string, number>[] = []
    let all: readonly number[] = []
    const app = await running((it) => {
      it.stream(input).subscribe((record) => seen.push({ ...record }))
      it.stream(input)
        .pipe(
          map(({ value }) => value),
          toArray(),
        )
        .subscribe((values) => (all = values))
    })
    await app.send(input, 'k', 7, { timestamp: 5, headers: { a: 'b' } })
    await app.settled()
    await app.stop()

    expect(seen.map(({ key, value, timestamp, topic: from, offset }) => ({ key, value, timestamp, from, offset }))).toEqual([
      { key: 'k', value: 7, timestamp: 5, from: 'input', offset: 0 },
    ])
    expect(seen[0]?.headers.text('a')).toBe('b')
    expect(all).toEqual([7])
  })

  it('is not touched by a subscriber that throws or leaves', async () => {
    const heard: string[] = []
    const app = await running((it) => {
      it.stream(input).subscribe(() => {
        heard.push('thrower')
        throw new Error('not my day')
      })
      const leaver = it.stream(input).subscribe(() => {
        heard.push('leaver')
        leaver.unsubscribe()
      })
      it.stream(input).subscribe(() => heard.push('stayer'))
    })
    for (const n of [1, 2]) await app.send(input, 'k', n)
    await app.settled()

    expect(heard).toEqual(['thrower', 'leaver', 'stayer', 'thrower', 'stayer'])
    await app.stop()
  })

  it('can be heard from now on when it runs already, and only then', async () => {
    const app = memory('late')
    const stream = app.stream(input)
    const unused = stream.map((n) => n)
    stream.toTopic(out)
    await app.start()
    const seen: number[] = []
    await app.send(input, 'k', 1)
    await app.settled()
    stream.subscribe(({ value }) => seen.push(value))
    await app.send(input, 'k', 2)
    await app.settled()

    expect(seen).toEqual([2])
    expect(thrownBy(() => unused.subscribe())).toBe('MR_TOPOLOGY_FROZEN')
    await app.stop()
  })

  it('takes what an Observable gives, also what it gave before the start', async () => {
    const source = new Subject<{ readonly key: string; readonly value: number }>()
    const seen: number[] = []
    const app = await running((it) => {
      source.subscribe(it.sink(input))
      source.next({ key: 'k', value: 1 })
      it.stream(input).subscribe(({ value }) => seen.push(value))
    })
    source.next({ key: 'k', value: 2 })
    while (seen.length < 2) await new Promise((next) => setImmediate(next))

    expect(seen.sort()).toEqual([1, 2])
    await app.stop()
  })
})

describe('what is wrong is said before anything is read', () => {
  const start = async (define: (app: App) => unknown, stateDir = ':memory:') => {
    const app = createApp({ id: 'wrong', stateDir, logger: silent })
    try {
      define(app)
      await app.start()
      return 'started'
    } catch (error) {
      return codeOf(error)
    } finally {
      await app.stop()
    }
  }

  it.each([
    [
      'topics that are not co-partitioned',
      'MR_CO_PARTITIONING',
      (app: App) =>
        app
          .stream(topic('three', { key: codec.string, value: codec.number, partitions: 3 }))
          .join(app.table(topic('five', { key: codec.string, value: codec.number, partitions: 5 })), (a, b) => a + b)
          .toTopic(out),
    ],
    [
      'two stores of one name',
      'MR_NAME_AMBIGUOUS',
      (app: App) => [app.stream(input).groupByKey().count({ name: 'n' }), app.stream(out).groupByKey().count({ name: 'n' })],
    ],
    [
      'a stream without a key that is grouped',
      'MR_KEY_NONE',
      (app: App) =>
        app
          .stream(topic('keyless', { key: codec.none, value: codec.number }))
          .groupByKey()
          .count(),
    ],
    [
      'sides of a join whose keys are written differently',
      'MR_KEY_CODEC',
      (app: App) =>
        app
          .stream(topic('by-number', { key: codec.number, value: codec.number }))
          .join(app.table(input) as never, () => 0)
          .toTopic(topic('x', { key: codec.number, value: codec.number })),
    ],
    [
      'one topic with two sets of options',
      'MR_SOURCE_OPTIONS',
      (app: App) => [app.stream(input).toTopic(out), app.stream(input, { from: 'latest' }).toTopic(out)],
    ],
  ] as const)('%s', async (_, code, define) => {
    expect(await start(define)).toBe(code)
  })

  it('a declared number of partitions that the topic does not have', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-partitions-'))
    await start((app) => app.stream(topic('t', { key: codec.string, value: codec.number, partitions: 2 })).toTopic(out), stateDir)

    expect(
      await start((app) => app.stream(topic('t', { key: codec.string, value: codec.number, partitions: 3 })).toTopic(out), stateDir),
    ).toBe('MR_TOPIC_PARTITIONS')
    rmSync(stateDir, { recursive: true })
  })

  it('options that make no sense', () => {
    expect(thrownBy(() => createApp({ id: 'a b' }))).toBe('MR_NAME_INVALID')
    expect(thrownBy(() => createApp({ id: 'a', brokers: [] }))).toBe('MR_CONFIG')
    expect(thrownBy(() => createApp({ id: 'a', commitEvery: '1 minute' as never }))).toBe('MR_DURATION')
    expect(thrownBy(() => createApp({ id: 'a', tuning: { sessionTimeout: '1s', fetchWait: '500ms' } }))).toBe('MR_CONFIG')
  })
})

describe('a state folder', () => {
  const counting = (app: App) => app.stream(input).groupByKey().count({ name: 'counts' })
  const run = async (stateDir: string, log = silent) => {
    const app = createApp({ id: 'counter', stateDir, logger: log })
    const table = counting(app)
    await app.start()
    await app.send(input, 'k', 1)
    await app.settled()
    const count = await table.get('k')
    await app.stop()
    return count
  }

  it('that was damaged is set aside, said so, and rebuilt from the changelog', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-damaged-'))
    await run(stateDir)
    for (const partition of [0, 1, 2, 3]) writeFileSync(join(stateDir, 'counter/slot-0', `input-${partition}`, 'db/data.mdb'), 'not LMDB')
    const said: unknown[] = []

    expect(await run(stateDir, { ...silent, warn: (o: object) => said.push(o) })).toEqual(O.some(2))
    expect(said).toContainEqual(expect.objectContaining({ code: 'MR_STATE_DAMAGED' }))
    rmSync(stateDir, { recursive: true })
  })
})

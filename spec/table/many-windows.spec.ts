import * as O from 'fp-ts/lib/Option.js'
import {
  calendar,
  codec,
  policy,
  session,
  topic,
  tumbling,
  type App,
  type FixedWindows,
  type SessionWindows,
  type Windowed,
} from '../../lib/index.js'
import { testContext, type TestContext } from '../../lib/testing/index.js'
import { watchTurns } from '../support/turns.js'
import { turn } from '../support/working-task.js'

jest.setTimeout(60_000)

const clicks = topic('clicks', { key: codec.string, value: codec.string })
const finals = topic('finals', { key: codec.windowed(codec.string), value: codec.number })
const letters = topic('letters', { key: codec.bytes, value: codec.bytes })
const keys = Array.from({ length: 2500 }, (_, i) => `k${String((i * 1237) % 2500).padStart(4, '0')}`)
const inOrder = keys.toSorted()

const sendAll = (t: TestContext): Promise<unknown> => Promise.all(keys.map((key) => t.app.send(clicks, key, 'x', { timestamp: 1 })))

const counted = (app: App, windows: FixedWindows | SessionWindows, saw: (key: Windowed<string>) => void = () => undefined) => {
  const group = app.stream(clicks).groupByKey()
  const table = windows._tag === 'SessionWindows' ? group.window(windows).count() : group.window(windows).count()
  table
    .toStream()
    .tap((_, { key }) => saw(key))
    .toTopic(finals)
}

const told = (t: TestContext): readonly string[] =>
  t
    .output(finals)
    .read()
    .map(({ key }) => key.key)

describe('thousands of windows that close at once', () => {
  it.each([
    ['tumbling', tumbling(10, { emit: 'final' })],
    ['calendar', calendar('hour', { emit: 'final' })],
    ['session', session(10, { emit: 'final' })],
    ['told at a rate', tumbling(10, { emit: { every: 5 } })],
  ])('leave in pieces, in order of their keys, and others have their turn in between: %s', async (_, windows) => {
    const turns = watchTurns()
    await using t = await testContext((app) => counted(app, windows, turns.saw), { partitions: 1, commit: 'manual' })
    await sendAll(t)
    await t.input(clicks).send('zzz', 'x', 36_000_000)
    turns.end()
    await t.commit()

    expect(Math.max(...turns.perTurn)).toBe(500)
    expect(told(t)).toEqual(inOrder)
  })

  it('leave in pieces also when the wall clock closes them', async () => {
    const turns = watchTurns()
    const windows = tumbling('10s', { emit: 'final', closeAfterIdle: '5s' })
    await using t = await testContext((app) => counted(app, windows, turns.saw), { partitions: 1 })
    await sendAll(t)
    await t.commit()
    await t.advance('60s')
    turns.end()

    expect(Math.max(...turns.perTurn)).toBe(500)
    expect(told(t)).toEqual(inOrder)
  })

  it('go with the records that come when they have been readable for long enough, 500 with each while a commit is small', async () => {
    let table = { get: (_: Windowed<string>): Promise<O.Option<number>> => Promise.resolve(O.none) }
    const define = (app: App) => (table = app.stream(clicks).groupByKey().window(tumbling(10)).count())
    await using t = await testContext(define, { partitions: 1 })
    await sendAll(t)
    await t.commit()
    const left = async () => (await Promise.all(keys.map((key) => table.get({ key, start: 0, end: 10 })))).filter(O.isSome).length
    const counts = [await left()]
    for (let i = 0; i < 6; i++) {
      await t.input(clicks).send('zzz', 'x', 1000)
      counts.push(await left())
    }

    expect(counts).toEqual([2500, 2000, 1500, 1000, 500, 0, 0])
  })

  it('have the records that follow wait, and a commit too', async () => {
    const seen: string[] = []
    const define = (app: App) => counted(app, tumbling(10, { emit: 'final' }), ({ key }) => void seen.push(key))
    await using t = await testContext(define, { partitions: 1, commit: 'manual' })
    await sendAll(t)
    await t.commit()
    await t.app.send(clicks, 'zzz', 'x', { timestamp: 15 })
    await t.app.send(clicks, 'yyy', 'x', { timestamp: 25 })
    for (let i = 0; i < 100 && seen.length === 0; i++) await turn()
    const seenAtCommit = t.commit().then(() => seen.length)

    expect(seen).toHaveLength(500)
    expect(await seenAtCommit).toBe(2501)
    expect(seen).toEqual([...inOrder, 'zzz'])
  })

  it.each(['at-least-once', 'exactly-once'] as const)(
    'lose nothing by a crash in the middle, and exactly-once tells nothing twice: %s',
    async (delivery) => {
      const seen: string[] = []
      const define = (app: App) => counted(app, tumbling(10, { emit: 'final' }), ({ key }) => void seen.push(key))
      await using t = await testContext(define, { partitions: 1, commit: 'manual', delivery })
      await sendAll(t)
      await t.commit()
      await t.app.send(clicks, 'zzz', 'x', { timestamp: 15 })
      for (let i = 0; i < 100 && seen.length < 2000; i++) await turn()
      const before = seen.length
      await t.crash()
      await t.commit()

      expect(before).toBe(2000)
      expect(seen.slice(before)).toEqual(inOrder)
      const all = told(t)
      expect([...new Set(all)].sort()).toEqual(inOrder)
      expect(all.length > 2500).toBe(delivery === 'at-least-once')
    },
  )

  it('are put to the policy one by one, where what follows them throws', async () => {
    const define = (app: App) =>
      app
        .stream(clicks)
        .groupByKey()
        .window(tumbling(10, { emit: 'final' }))
        .count()
        .toStream()
        .map((n, { key }) => {
          if (key.key.endsWith('00')) throw new Error('no')
          return n
        })
        .toTopic(finals)
    await using t = await testContext(define, { partitions: 1, onError: policy.deadLetter(letters.name) })
    await sendAll(t)
    await t.input(clicks).send('zzz', 'x', 15)

    expect(told(t)).toEqual(inOrder.filter((key) => !key.endsWith('00')))
    expect(t.output(letters).read()).toHaveLength(25)
  })

  it('are all told before a later record of another topic is taken, so that it finds them', async () => {
    const probes = topic('probes', { key: codec.windowed(codec.string, 10), value: codec.string })
    const define = (app: App) => {
      const group = app.stream(clicks).groupByKey()
      const table = group
        .window(tumbling(10, { emit: 'final' }))
        .count()
        .toStream()
        .toTable()
      app
        .stream(probes)
        .leftJoin(table, (_, n) => (n._tag === 'Some' ? n.value : 0))
        .toTopic(finals)
    }
    await using t = await testContext(define, { partitions: 1, commit: 'manual' })
    await sendAll(t)
    await t.commit()
    await t.app.send(clicks, 'zzz', 'x', { timestamp: 15 })
    await t.app.send(probes, { key: inOrder[2499] ?? '', start: 0, end: 10 }, 'x', { timestamp: 16 })
    await t.commit()

    expect(t.output(finals).values()).toEqual([1])
  })

  it('are all told before the record that has closed them goes another way to where they are looked up', async () => {
    const calls = topic('clicks', { key: codec.string, value: codec.string })
    const out = topic('out', { key: codec.string, value: codec.string })
    const define = (app: App) => {
      const table = app.table(calls).suppress({ within: 10 })
      app
        .stream(calls)
        .leftJoin(table, (_, row) => row._tag)
        .toTopic(out)
    }
    await using t = await testContext(define, { partitions: 1, commit: 'manual' })
    await sendAll(t)
    await t.commit()
    await t.app.send(calls, inOrder[2400] ?? '', 'y', { timestamp: 11 })
    await t.commit()

    expect(t.output(out).values()).toEqual([...keys.map(() => 'None'), 'Some'])
  })
})

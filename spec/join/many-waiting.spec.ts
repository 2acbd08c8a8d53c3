import * as O from 'fp-ts/lib/Option.js'
import * as Th from 'fp-ts/lib/These.js'
import { codec, policy, topic, type App, type JoinWindow } from 'millrace'
import { testContext, type TestContext } from 'millrace/testing'
import { watchTurns } from '../support/turns.js'

jest.setTimeout(60_000)

const lefts = topic('lefts', { key: codec.string, value: codec.string })
const rights = topic('rights', { key: codec.string, value: codec.string })
const out = topic('out', { key: codec.string, value: codec.string })
const letters = topic('letters', { key: codec.bytes, value: codec.bytes })

const keys = Array.from({ length: 2500 }, (_, i) => `k${String((i * 1237) % 2500).padStart(4, '0')}`)
const inOrder = keys.toSorted()

const sendAll = async (t: TestContext): Promise<void> => {
  await Promise.all(keys.map((key, i) => t.app.send(i % 2 === 0 ? lefts : rights, key, key, { timestamp: 1 })))
  await t.commit()
}
/** Of one time: the right ones come first. */
const alone = [...inOrder.filter((key) => keys.indexOf(key) % 2 === 1), ...inOrder.filter((key) => keys.indexOf(key) % 2 === 0)]

const outer = (app: App, window: JoinWindow, saw: () => void) =>
  app
    .stream(lefts)
    .outerJoin(
      app.stream(rights),
      window,
      Th.match(
        (l) => `${l}-`,
        (r) => `-${r}`,
        (l, r) => `${l}+${r}`,
      ),
    )
    .tap(saw)
    .toTopic(out)
const told = (t: TestContext) => t.output(out).values().map((value) => value?.replaceAll('-', '')) // prettier-ignore

describe('thousands of records that leave a join at once', () => {
  it('go unmatched in pieces, in order, before the record that has made them due and those that follow', async () => {
    const turns = watchTurns()
    await using t = await testContext((app) => outer(app, { within: 10 }, turns.saw), { partitions: 1, commit: 'manual' })
    await sendAll(t)
    await t.app.send(lefts, 'last', 'last', { timestamp: 100 })
    await t.app.send(rights, 'last', 'match', { timestamp: 101 })
    await t.commit()
    turns.end()

    expect(Math.max(...turns.perTurn)).toBe(500)
    expect(told(t)).toEqual([...alone, 'last+match'])
  })

  it('go so, too, when the wall clock makes them due', async () => {
    const turns = watchTurns()
    const define = (app: App) => outer(app, { within: '10s', closeAfterIdle: '5s' }, turns.saw)
    await using t = await testContext(define, { partitions: 1 })
    await sendAll(t)
    await t.advance('60s')
    await t.commit()
    turns.end()

    expect(Math.max(...turns.perTurn)).toBe(500)
    expect(told(t)).toEqual(alone)
  })

  it('leave out none, and none twice, when some cannot be joined, or the process dies amid them', async () => {
    const failing = new Set(['k0003', 'k1200', 'k2499'])
    const define = (app: App) =>
      app
        .stream(lefts)
        .leftJoin(app.stream(rights), { within: 10 }, (l, r) => {
          if (failing.has(l)) throw new Error('no')
          return `${l}${O.isSome(r) ? r.value : ''}`
        })
        .toTopic(out)
    const options = { partitions: 1, commit: 'manual', delivery: 'exactly-once', onError: policy.deadLetter(letters.name) } as const
    await using t = await testContext(define, options)
    await Promise.all(keys.map((key) => t.app.send(lefts, key, key, { timestamp: 1 })))
    await t.commit()
    await t.app.send(lefts, 'last', 'last', { timestamp: 100 })
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
    await t.crash()
    await t.commit()

    expect(told(t)).toEqual(inOrder.filter((key) => !failing.has(key)))
    expect(t.output(letters).read()).toHaveLength(3)
  })

  it('are joined with a versioned table in pieces, in order of time and key, the one that makes them due in its place', async () => {
    const turns = watchTurns()
    const define = (app: App) =>
      app
        .stream(lefts)
        .leftJoin(app.table(rights, { history: 1000 }), (l, r) => `${l}${O.isSome(r) ? r.value : ''}`, { grace: 10 })
        .tap(turns.saw)
        .toTopic(out)
    await using t = await testContext(define, { partitions: 1, commit: 'manual' })
    await Promise.all(keys.map((key) => t.app.send(lefts, key, key, { timestamp: 5 })))
    await t.app.send(rights, 'k0007', '!', { timestamp: 5 })
    await t.app.send(rights, 'k0008', '!', { timestamp: 6 })
    await t.commit()
    await t.app.send(lefts, 'a', 'makes due', { timestamp: 15 })
    await t.app.send(lefts, 'b', 'late', { timestamp: 4 })
    await t.app.send(lefts, 'c', 'makes another due', { timestamp: 25 })
    await t.commit()
    turns.end()

    expect(Math.max(...turns.perTurn)).toBe(500)
    expect(told(t)).toEqual([...inOrder.map((key) => (key === 'k0007' ? 'k0007!' : key)), 'late', 'makes due'])
  })
})

import * as O from 'fp-ts/lib/Option.js'
import { codec, topic, type App } from 'millrace'
import { testContext, type TestContext } from 'millrace/testing'
import { watchTurns } from '../support/turns.js'

const nullable = codec.nullable(codec.string)
const rows = topic('rows', { key: codec.string, value: codec.string })
const stream = topic('stream', { key: codec.string, value: codec.string })
const out = topic('out', { key: codec.string, value: nullable })
const joined = topic('joined', { key: codec.string, value: codec.string })

const results = (t: TestContext) =>
  t
    .output(out)
    .read()
    .map(({ key, value, timestamp }) => [key, value, timestamp])
const define = (maxKeys: number, whenFull?: 'emit' | 'fail') => (app: App) =>
  app.table(rows).suppress({ within: 10, maxKeys, whenFull }).toTopic(out)

describe('suppress', () => {
  it('holds a key from its first update on, and lets the newest go with its own time, in order of first time and key', async () => {
    await using t = await testContext((app) => app.table(rows).suppress({ within: 10 }).toTopic(out), { partitions: 1 })
    const send = t.input(rows)
    await send.send('b', 'first', 5)
    await send.send('c', 'x', 6)
    await send.send('a', 'x', 5)
    await send.send('b', 'second', 14)
    expect(results(t)).toEqual([])
    await send.send('d', 'x', 16)

    expect(results(t)).toEqual([
      ['a', 'x', 5],
      ['b', 'second', 14],
      ['c', 'x', 6],
    ])
  })

  it('says nothing of a row that has come and gone meanwhile, and deletes one that was let out', async () => {
    await using t = await testContext((app) => app.table(rows).suppress({ within: 10 }).toTopic(out), { partitions: 1 })
    const send = t.input(rows)
    await send.send('a', 'x', 0)
    await send.send('b', 'x', 1)
    await send.send('b', null, 2)
    await send.send('c', 'x', 20)
    await send.send('a', null, 21)
    await send.send('c', 'y', 40)

    expect(results(t)).toEqual([
      ['a', 'x', 0],
      ['c', 'y', 40],
      ['a', null, 21],
    ])
  })

  it('lets the oldest go when there are more keys than it may hold', async () => {
    await using t = await testContext(define(2, 'emit'), { partitions: 1 })
    for (const [key, at] of [['a', 2], ['b', 1], ['a', 3], ['c', 3]] as const) await t.input(rows).send(key, 'x', at) // prettier-ignore

    expect(results(t)).toEqual([['b', 'x', 1]])
  })

  it('fails where it is told to, but not for a key whose coming lets another go', async () => {
    await using t = await testContext(define(1, 'fail'), { partitions: 1 })
    await t.input(rows).send('a', 'x', 0)
    await t.input(rows).send('b', 'x', 10)
    expect(results(t)).toEqual([['a', 'x', 0]])

    await expect(t.input(rows).send('c', 'x', 11)).rejects.toMatchObject({ code: 'MR_SUPPRESS_FULL' })
    expect(results(t)).toEqual([])
  })

  it('shows to what follows, a join and a query too, only what was let out', async () => {
    let calm = { get: (_: string): Promise<O.Option<string>> => Promise.resolve(O.none) }
    await using t = await testContext(
      (app) => {
        const table = (calm = app.table(rows).suppress({ within: 10 }))
        app
          .stream(stream)
          .leftJoin(table, (l, r) => `${l}/${O.toNullable(r) ?? '-'}`)
          .toTopic(joined)
        table.filter((row) => row !== 'never').toTopic(out)
      },
      { partitions: 1 },
    )
    await t.input(rows).send('k', 'never', 0)
    await t.input(rows).send('k', 'old', 5)
    await t.input(stream).send('k', 'L', 6)
    expect(await calm.get('k')).toEqual(O.none)
    await t.input(rows).send('other', 'x', 10)
    await t.input(rows).send('k', 'new', 11)
    await t.input(stream).send('k', 'L', 12)

    expect(t.output(joined).values()).toEqual(['L/-', 'L/old'])
    expect(await calm.get('k')).toEqual(O.some('old'))
    expect(results(t)).toEqual([['k', 'old', 5]])
  })

  it('lets thousands go in pieces, in order, and others have their turn in between', async () => {
    const turns = watchTurns()
    const keys = Array.from({ length: 2500 }, (_, i) => `k${String((i * 1237) % 2500).padStart(4, '0')}`)
    const seen = (app: App) => {
      const stream = app.table(rows).suppress({ within: 10 }).toStream()
      stream.tap(turns.saw).toTopic(out)
    }
    await using t = await testContext(seen, { partitions: 1, commit: 'manual' })
    await Promise.all(keys.map((key) => t.app.send(rows, key, 'x', { timestamp: 1 })))
    await t.commit()
    await t.app.send(rows, 'last', 'x', { timestamp: 11 })
    await t.app.send(rows, 'k0000', 'y', { timestamp: 11 })
    await t.app.send(rows, 'later', 'x', { timestamp: 21 })
    await t.commit()
    turns.end()

    expect(Math.max(...turns.perTurn)).toBe(500)
    expect(results(t)).toEqual([...keys.toSorted().map((key) => [key, 'x', 1]), ['k0000', 'y', 11], ['last', 'x', 11]])
  })
})

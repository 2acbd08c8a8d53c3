import fc from 'fast-check'
import { agg, codec, topic, tumbling, type App, type KTable } from '../../lib/index.js'
import { testContext, type TestContext } from '../../lib/testing/index.js'
import { materialize } from '../../lib/table/materialize.js'
import { mostAtOnce } from '../../lib/operators/expiring.js'
import { fakeTask, opened, storeSpec } from '../support/fake-task.js'

const texts = topic('texts', { key: codec.string, value: codec.nullable(codec.string) })
const rows = topic('rows', { key: codec.string, value: codec.string })
const out = topic('out', { key: codec.string, value: codec.nullable(codec.string) })
const sums = topic('sums', { key: codec.string, value: codec.number })

interface Sent {
  readonly key: string
  readonly value: string | null
  readonly at: number
}
type Result = readonly [key: string, value: string | null, at: number]
const ttl = 20

const results = (t: TestContext): readonly Result[] =>
  t
    .output(out)
    .read()
    .map(({ key, value, timestamp }) => [key, value, timestamp])

/** What was sent is shown as text, whichever way it is kept. */
const kinds = {
  toTable: (app: App): KTable<string, string> => app.stream(texts).toTable({ ttl }),
  table: (app: App): KTable<string, string> => app.table(rows, { ttl }),
  filter: (app: App): KTable<string, string> =>
    app
      .stream(texts)
      .toTable()
      .filter(() => true, { ttl }),
  aggregate: (app: App): KTable<string, string> =>
    app
      .stream(texts)
      .filter((text) => text !== null)
      .groupByKey()
      .aggregate({ empty: '', add: (all: string, text) => all + (text ?? '') }, { ttl }),
} as const
type Kind = keyof typeof kinds

/** Looks at every row there is, for every record. */
const reference = (kind: Kind, sent: readonly Sent[]) => {
  const table = new Map<string, { readonly value: string; readonly at: number }>()
  let streamTime = -1
  const isGone = (at: number): boolean => at + ttl <= streamTime
  return sent.map(({ key, value, at }): { readonly told: readonly Result[]; readonly rows: ReadonlyMap<string, string> } => {
    if (kind === 'aggregate' && value === null) return { told: [], rows: textsOf(table) }
    // A delete of no row is no change of the table that is filtered.
    if (kind === 'filter' && value === null && !above.has(key)) return { told: [], rows: textsOf(table) }
    if (value === null) above.delete(key)
    else above.add(key)
    streamTime = Math.max(streamTime, at)
    const told: Result[] = []
    const gone = [...table].filter(([other, row]) => other !== key && isGone(row.at))
    gone.sort(([a, { at: x }], [b, { at: y }]) => x - y || (a < b ? -1 : 1))
    for (const [other, row] of gone) {
      table.delete(other)
      told.push([other, null, row.at + ttl])
    }
    const before = table.get(key)
    const lives = before !== undefined && !isGone(before.at) && kind === 'aggregate'
    const after = lives ? { value: before.value + (value ?? ''), at: Math.max(before.at, at) } : { value: value ?? '', at }
    if (value !== null && !isGone(after.at)) {
      table.set(key, after)
      told.push([key, after.value, after.at])
    } else if (before !== undefined) {
      table.delete(key)
      told.push([key, null, at])
    }
    return { told, rows: textsOf(table) }
  })
}
let above = new Set<string>()
const textsOf = (table: ReadonlyMap<string, { readonly value: string }>) => new Map([...table].map(([key, { value }]) => [key, value]))

const history = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.constantFrom('x', 'y', 'z', null),
    ahead: fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: -30, max: 12 }) },
      { weight: 1, arbitrary: fc.integer({ min: 12, max: 60 }) },
    ),
    event: fc.constantFrom('restart', 'crash', 'loseDisk', 'none', 'none', 'none', 'none', 'none'),
  }),
  { minLength: 5, maxLength: 30 },
)
const timed = (steps: readonly { readonly key: string; readonly value: string | null; readonly ahead: number }[]): readonly Sent[] => {
  let time = 30
  return steps.map(({ key, value, ahead }) => {
    const at = Math.max(0, time + ahead)
    time = Math.max(time, at)
    return { key, value, at }
  })
}

const lengthOf = (text: string): number => text.length

/** The rows go to a topic, and into one sum, which is right only if each delete takes out what was put in. */
const define = (kind: Kind) => (app: App) => {
  const table = kinds[kind](app)
  table.toTopic(out)
  table
    .groupBy((text) => ['all', text], codec.string, codec.string)
    .aggregate(agg.sum(lengthOf))
    .toTopic(sums)
}

describe('a table with a ttl', () => {
  it.each(Object.keys(kinds) as Kind[])(
    'that is made by %s has the rows that a slow and obvious one has, over restarts, crashes and lost disks',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          above = new Set()
          const sent = timed(steps)
          const expected = reference(kind, sent)
          await using t = await testContext(define(kind), { partitions: 1 })
          let total = 0
          for (const [i, { key, value, at }] of sent.entries()) {
            const event = steps[i]?.event
            if (event === 'restart' || event === 'crash' || event === 'loseDisk') await t[event]()
            await t.input(kind === 'table' ? rows : texts).send(key, value, at)
            expect(results(t)).toEqual(expected[i]?.told)
            total = t.output(sums).values().at(-1) ?? total
            expect(total).toBe([...(expected[i]?.rows.values() ?? [])].join('').length)
          }
        }),
        { numRuns: 30, seed: 20261128 },
      )
    },
    240_000,
  )
})

const tableAndRows = (kind: 'lmdb' | 'memory' = 'memory') => {
  const task = fakeTask()
  const spec = { ...storeSpec<string>('rows'), kind, ttlMs: 10 }
  return { task, spec, store: task.store(spec), send: opened(task, materialize(spec)) }
}
const [insert, removal] = [
  (after: unknown) => ({ before: undefined, beforeTimestamp: -1, after }),
  (before: unknown, at: number) => ({ before, beforeTimestamp: at, after: undefined }),
]

describe('an entry', () => {
  it('goes when its timestamp + ttl is reached, with that time, before the result of the record that reached it', () => {
    const { send, store } = tableAndRows()
    send('b', 'B', 0)
    send('a', 'A', 0)
    send('c', 'C', 1)

    expect(send('d', 'D', 9)).toEqual([['d', insert('D'), 9]])
    expect(send('e', 'E', 11)).toEqual([
      ['a', removal('A', 0), 10],
      ['b', removal('B', 0), 10],
      ['c', removal('C', 1), 11],
      ['e', insert('E'), 11],
    ])
    expect(store.writes.slice(-3)).toEqual([
      ['a', null, 10],
      ['b', null, 10],
      ['c', null, 11],
    ])
  })
  it('is replaced in one step by the record that finds it too old, and deleted once by a delete', () => {
    const { send } = tableAndRows()
    send('a', 'old', 0)

    expect(send('a', 'new', 50)).toEqual([['a', { before: 'old', beforeTimestamp: 0, after: 'new' }, 50]])
    expect(send('a', null, 90)).toEqual([['a', removal('new', 50), 90]])
    expect(send('b', 'B', 200)).toEqual([['b', insert('B'), 200]])
  })
  it('is not there when it is that old already as it is written: what was there goes, and it is counted as late', () => {
    const { send, task } = tableAndRows()
    send('a', 'A', 95)
    send('b', 'B', 100)

    expect(send('c', 'C', 90)).toEqual([])
    expect(send('a', 'older', 90)).toEqual([['a', removal('A', 95), 90]])
    expect(send('c', 'C', 91)).toEqual([['c', insert('C'), 91]])
    expect(task.drops).toEqual(['toTable: late', 'toTable: late'])
  })
  it('goes as early as its last record says, when that came out of order', () => {
    const { send } = tableAndRows()
    send('a', 'A', 10)
    send('a', 'older', 5)

    expect(send('b', 'B', 15)).toEqual([
      ['a', removal('older', 5), 15],
      ['b', insert('B'), 15],
    ])
  })
  it('that has come up with many others may leave with a later record: no record does more than so much', () => {
    const { send } = tableAndRows()
    for (let i = 0; i < mostAtOnce + 5; i++) send(`k${i}`, 'x', 0)

    expect(send('last', 'x', 100)).toHaveLength(mostAtOnce + 1)
    expect(send('last', 'y', 100)).toHaveLength(5 + 1)
    expect(send('last', 'z', 100)).toHaveLength(1)
  })
})

describe('the ttl of a processor', () => {
  /** 'get' tells what is there; 'timer 50' gets it at 50; anything else is set. */
  const kept = (app: App) =>
    app
      .stream(rows)
      .process({
        name: 'kept',
        stores: { last: { value: codec.string, ttl } },
        emits: codec.string,
        onRecord(value, { key }, context) {
          const [what, at] = value.split(' ')
          const last = context.store('last')
          if (what === 'timer') context.setTimer(Number(at))
          else if (what === 'get') context.emit(`${last.get(key) ?? '-'} ${[...last.entries()].map(([each]) => each).join('')}`)
          else last.set(key, value)
        },
        onTimer(key, _timer, context) {
          context.emit(`timer ${context.store('last').get(key) ?? '-'}`)
        },
      })
      .toTopic(out)

  it('counts from the stream time of the call; a timer sees what there was at its own time', async () => {
    await using t = await testContext(kept, { partitions: 1 })
    const send = async (key: string, value: string, at: number) => {
      await t.input(rows).send(key, value, at)
      return t.output(out).values()
    }
    await send('a', 'A', 100)
    await send('b', 'B', 50)
    await send('a', 'timer 120', 100)
    await send('b', 'timer 121', 100)

    expect(await send('a', 'get', 119)).toEqual(['A ab'])
    await t.crash()
    expect(await send('a', 'get', 500)).toEqual(['timer A', 'timer -', '- '])
    await t.loseDisk()
    expect(await send('a', 'get', 500)).toEqual(['- '])
  })
})

describe('a ttl', () => {
  const refused = async (define: (app: App) => unknown): Promise<string> => {
    try {
      await using t = await testContext(define)
      return t.app.id
    } catch (error) {
      return String(error)
    }
  }
  it('is refused where rows go by themselves, or may not go', async () => {
    const grouped = (app: App) => app.table(rows).groupBy((text, { key }) => [text, key], codec.string, codec.string)

    expect(await refused((app) => app.stream(rows).groupByKey().window(tumbling('1m')).count({ ttl: '1h' }))).toMatch(
      /MR_CONFIG: a windowed count takes no ttl: the row of a window goes by itself/,
    )
    expect(await refused((app) => grouped(app).count({ ttl: '1h' }))).toMatch(
      /MR_CONFIG: count of a grouped table takes no ttl: .* Give the ttl to the table that is grouped/,
    )
    expect(await refused((app) => app.table(rows, { history: '1h', ttl: '1d' }))).toMatch(
      /MR_CONFIG: table rows takes no ttl: its history is kept whole/,
    )
    expect(await refused((app) => app.stream(rows).toTable({ ttl: 0 }))).toMatch(
      /MR_DURATION: toTable: ttl is 0, which is not a whole number of ms above 0/,
    )
    expect(await refused((app) => [app.table(rows), app.table(rows, { ttl: '1h' })])).toMatch(/MR_SOURCE_OPTIONS/)
  })
  it('of a joined table deletes the result while the rows on both sides stay', async () => {
    const left = topic('left', { key: codec.string, value: codec.string })
    const texted = codec.nullable(codec.string)
    const define = (app: App) => {
      app
        .table(left)
        .join(app.table(rows), (l, r) => l + r, { name: 'j', ttl, value: codec.string })
        .toStream()
        .encodedAs(texted)
        .toTopic(out)
      app
        .table(left)
        .joinOn(
          app.table(rows),
          (l) => l,
          (l, r) => `${l}>${r}`,
          { name: 'on', ttl },
        )
        .toStream()
        .encodedAs(texted)
        .toTopic(out)
    }
    await using t = await testContext(define, { partitions: 1 })
    await t.input(rows).send('k', 'R', 0)
    await t.input(left).send('k', 'k', 0)
    expect(new Set(t.output(out).values())).toEqual(new Set(['kR', 'k>R']))
    await t.input(rows).send('z', 'Z', 50)
    await t.input(left).send('z', 'z', 50)

    expect(
      t
        .output(out)
        .read()
        .filter(({ key }) => key === 'k')
        .map(({ value, timestamp }) => [value, timestamp]),
    ).toEqual([
      [null, 20],
      [null, 20],
    ])
    await t.input(left).send('k', 'k', 60)
    expect(new Set(t.output(out).values())).toEqual(new Set(['kR', 'k>R']))
  })
})

import fc from 'fast-check'
import { codec, topic, type App, type KTable } from '../../lib/index.js'
import { testContext, type TestContext } from '../../lib/testing/index.js'

const left = topic('left', { key: codec.string, value: codec.string, partitions: 3 })
const right = topic('right', { key: codec.string, value: codec.string, partitions: 3 })
const small = topic('small', { key: codec.string, value: codec.string, partitions: 2 })
const out = topic('out', { key: codec.string, value: codec.string })

type Side = 'left' | 'right'
type Step = readonly [side: Side, key: string, value: string | null] | 'restart' | 'crash' | 'loseDisk'

const change = (leftKeys: readonly string[], rightKeys: readonly string[], values: fc.Arbitrary<string | null>): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 10, arbitrary: fc.tuple(fc.constant('left' as const), fc.constantFrom(...leftKeys), values) },
    { weight: 10, arbitrary: fc.tuple(fc.constant('right' as const), fc.constantFrom(...rightKeys), values) },
    { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'crash' as const, 'loseDisk' as const) },
  )

/** Plays the steps; after each the results must be those of a join worked out anew from the rows there are. */
const agrees = async (
  define: (app: App) => unknown,
  steps: readonly Step[],
  rightTopic: typeof right,
  reference: (lefts: ReadonlyMap<string, string>, rights: ReadonlyMap<string, string>) => ReadonlyMap<string, string>,
): Promise<void> => {
  await using t: TestContext = await testContext(define)
  const rows = { left: new Map<string, string>(), right: new Map<string, string>() }
  const known = new Set<string>()
  let time = 0
  for (const step of steps) {
    if (typeof step === 'string') {
      await t[step]()
      continue
    }
    const [side, key, value] = step
    if (value === null) rows[side].delete(key)
    else rows[side].set(key, value)
    await t.input(side === 'left' ? left : rightTopic).send(key, value, time++)
    for (const { key: changed, value: result } of t.output(out).read()) {
      // A delete tells of a row that was there.
      if (result === null) expect(known.delete(changed)).toBe(true)
      else known.add(changed)
    }
    expect(Object.fromEntries(t.output(out).toMap())).toEqual(Object.fromEntries(reference(rows.left, rows.right)))
  }
}

const value = fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 3 })
const keys = ['k1', 'k2', 'k3', 'k4']

describe('joins of tables', () => {
  const joins: Readonly<Record<string, (l: KTable<string, string>, r: KTable<string, string>) => KTable<string, string>>> = {
    join: (l, r) => l.join(r, (a, b) => a + b),
    leftJoin: (l, r) => l.leftJoin(r, (a, b) => a + (b._tag === 'Some' ? b.value : '-')),
    outerJoin: (l, r) => l.outerJoin(r, (both) => (both._tag === 'Right' ? '-' : both.left) + (both._tag === 'Left' ? '-' : both.right)),
  }
  const isThere: Readonly<Record<string, (l: boolean, r: boolean) => boolean>> = {
    join: (l, r) => l && r,
    leftJoin: (l) => l,
    outerJoin: (l, r) => l || r,
  }
  const reference = (verb: string) => (lefts: ReadonlyMap<string, string>, rights: ReadonlyMap<string, string>) =>
    new Map(
      keys
        .filter((key) => isThere[verb]?.(lefts.has(key), rights.has(key)))
        .map((key): [string, string] => [key, `${lefts.get(key) ?? '-'}${rights.get(key) ?? '-'}`]),
    )

  it.each(['join', 'leftJoin', 'outerJoin'])(
    '%s: are at any time what the rows of both sides say',
    async (verb) => {
      await fc.assert(
        fc.asyncProperty(fc.array(change(keys, keys, value), { maxLength: 25 }), fc.boolean(), async (steps, isStored) => {
          const define = (app: App) => {
            const joined = joins[verb]?.(app.table(left), app.table(right))
            return (isStored ? joined?.map((row) => row, { name: 'stored' }) : joined)?.toTopic(out)
          }
          await agrees(define, steps, right, reference(verb))
        }),
        { numRuns: 25, seed: 20_261_124 },
      )
    },
    120_000,
  )

  it('can be regrouped below a join of one table with itself: what is taken out is what was put in', async () => {
    await using t = await testContext((app) => {
      const table = app.table(left)
      const doubled = table.map((row) => `${row}!`)
      table
        .join(doubled, (a, b) => `${a}${b}`)
        .groupBy((row) => [row, 1], codec.string, codec.number)
        .count()
        .toTopic(topic('counted', { key: codec.string, value: codec.number }))
    })
    await t.input(left).send('k', 'a')
    await t.input(left).send('k', 'b')
    await t.input(left).send('k', null)

    const counted = t.output(topic('counted', { key: codec.string, value: codec.number })).toMap()
    expect([...counted.values()].every((count) => count === 0)).toBe(true)
  })

  it('can be asked for rows, in order of the keys, whether or not something follows', async () => {
    let joined: KTable<string, string> | null = null
    await using t = await testContext((app) => {
      joined = app.table(left).outerJoin(app.table(right), (both) => both._tag)
    })
    for (const key of ['b', 'a']) await t.input(left).send(key, 'l')
    for (const key of ['c', 'a']) await t.input(right).send(key, 'r')

    const rows: (readonly [string, string])[] = []
    for await (const row of (joined as unknown as KTable<string, string>).entries()) rows.push(row)
    expect(rows).toEqual([
      ['a', 'Both'],
      ['b', 'Left'],
      ['c', 'Right'],
    ])
    expect(await (joined as unknown as KTable<string, string>).get('c')).toMatchObject({ value: 'Right' })
  })
})

describe('foreign-key joins', () => {
  const leftKeys = ['p1', 'p2', 'p3']
  const rightKeys = ['x', 'y', 'z']
  /** Left values are `foreign key + something`; no foreign key: null. */
  const rowsValue = fc.option(
    fc.tuple(fc.constantFrom('x', 'y', 'z', '?'), fc.constantFrom('1', '2')).map(([fk, n]) => `${fk}${n}`),
    { freq: 4 },
  )
  const on = (row: string): string | null => (row.startsWith('?') ? null : (row[0] ?? null))
  const reference =
    (isLeft: boolean) =>
    (lefts: ReadonlyMap<string, string>, rights: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
      new Map(
        [...lefts].flatMap(([key, row]): [string, string][] => {
          const found = rights.get(on(row) ?? '')
          return found === undefined && !isLeft ? [] : [[key, `${row}/${found ?? '-'}`]]
        }),
      )

  it.each([false, true])(
    'are at any time what the rows of both sides say, with partitions of their own (left: %s)',
    async (isLeft) => {
      await fc.assert(
        fc.asyncProperty(fc.array(change(leftKeys, rightKeys, rowsValue), { maxLength: 25 }), async (steps) => {
          const define = (app: App) => {
            const [lefts, rights] = [app.table(left), app.table(small)]
            const joined = isLeft
              ? lefts.leftJoinOn(rights, on, (l, r) => `${l}/${r._tag === 'Some' ? r.value : '-'}`)
              : lefts.joinOn(rights, on, (l, r) => `${l}/${r}`)
            return joined.toTopic(out)
          }
          await agrees(define, steps, small, reference(isLeft))
        }),
        { numRuns: 25, seed: 20_261_124 },
      )
    },
    120_000,
  )
})

import fc from 'fast-check'
import { codec, topic, type App } from 'millrace'
import { testContext } from 'millrace/testing'

const input = topic('input', { key: codec.string, value: codec.number })
const sums = topic('sums', { key: codec.string, value: codec.json<{ n: number; sum: number }>() })
const define = (app: App) =>
  app
    .stream(input)
    .groupByKey()
    .aggregate({ empty: { n: 0, sum: 0 }, add: (acc, value) => ({ n: acc.n + 1, sum: acc.sum + value }) }, { name: 'sums' })
    .toTopic(sums)

type Step = { readonly do: 'send'; readonly key: string; readonly value: number } | { readonly do: 'commit' | 'restart' | 'crash' }
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      value: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'restart' as const, 'crash' as const) }) },
)

/** What must come out, kept by the simplest program there is. */
const reference = (steps: readonly Step[]): ReadonlyMap<string, { readonly n: number; readonly sum: number }> => {
  const rows = new Map<string, { readonly n: number; readonly sum: number }>()
  for (const one of steps) {
    if (one.do !== 'send') continue
    const row = rows.get(one.key) ?? { n: 0, sum: 0 }
    rows.set(one.key, { n: row.n + 1, sum: row.sum + one.value })
  }
  return rows
}

const play = async (steps: readonly Step[], loseDiskAtTheEnd: boolean) => {
  await using t = await testContext(define, { partitions: 2, commit: 'manual' })
  for (const one of steps) {
    if (one.do === 'send') await t.input(input).send(one.key, one.value)
    else await t[one.do]()
  }
  if (loseDiskAtTheEnd) await t.loseDisk()
  await t.commit()
  return t.output(sums).toMap()
}

describe('a table on its own disk', () => {
  it('counts every input once, whatever is sent, committed, restarted and killed in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        expect(await play(steps, false)).toEqual(reference(steps))
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})

describe('a table whose disk is lost', () => {
  it('loses no input, and after a commit counts none twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        expect(await play([...steps, { do: 'commit' }], true)).toEqual(reference(steps))
      }),
      { numRuns: 30 },
    )
  }, 120_000)

  it('may count again what was not committed, and no more than that', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const found = await play(steps, true)
        const once = reference(steps)

        for (const [key, { n }] of once) expect(found.get(key)?.n).toBeGreaterThanOrEqual(n)
        for (const [key, { n }] of found) expect(n).toBeLessThanOrEqual(2 * (once.get(key)?.n ?? 0))
      }),
      { numRuns: 30 },
    )
  }, 120_000)
})

import { createOutput } from '../../../lib/testing/output.js'
import { completeLog, outputsOf } from './complete-log.js'
import { replay, type Happening, type Run } from './happenings.js'
import { recordsOf, repartitioningPlan, replayPlan } from './plan.js'

const plan = replayPlan('r')
const records = recordsOf(900, 7)

const played = async (run: Run): Promise<ReadonlyMap<string, readonly string[]>> => {
  const log = await completeLog(plan.inputs, records, run.atOnce)
  await replay(plan.define, log, run)
  return outputsOf(plan.outputs, log)
}

/** What was given again after a crash is taken out: each goes back to something given before, and goes on from there. */
const withoutRepeats = (given: readonly string[], expected: readonly string[]): readonly string[] => {
  let at = 0
  let furthest = 0
  for (const one of given) {
    if (one !== expected[at]) at = expected.lastIndexOf(one, at)
    if (at === -1) return given
    furthest = Math.max(furthest, ++at)
  }
  return expected.slice(0, furthest)
}

const undisturbed: Run = { delivery: 'exactly-once', fetchBytes: 1_048_576, atOnce: 900, seed: null, happenings: [] }
const anything: readonly Happening[] = ['restart', 'kill', 'kill', 'lose', 'join', 'leave', 'pass', 'pass']

describe('a complete log, run again', () => {
  let expected: ReadonlyMap<string, readonly string[]> = new Map()
  beforeAll(async () => (expected = await played(undisturbed)), 60_000)

  it('is a log with all that the plan could give', () => {
    const counts = Object.values(plan.outputs).map(({ name }) =>
      [...expected].filter(([at]) => at.startsWith(`${name}-`)).reduce((sum, [, lines]) => sum + lines.length, 0),
    )
    expect(Math.min(...counts)).toBeGreaterThan(10)
  })

  it.each([
    ['in batches of one record', { atOnce: 1, fetchBytes: 1_048_576 }],
    ['in batches of seven, fetched one by one', { atOnce: 7, fetchBytes: 1 }],
    ['in batches of fifty, fetched a few at a time', { atOnce: 50, fetchBytes: 5000 }],
    ['at least once', { delivery: 'at-least-once' as const }],
  ])('gives the same, byte for byte: %s', async (_, differently) => {
    expect(await played({ ...undisturbed, ...differently })).toEqual(expected)
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'gives the same exactly-once, byte for byte, with crashes, restarts, lost disks and moves on the way (%i)',
    async (seed) => {
      const run = { ...undisturbed, seed, happenings: anything, atOnce: 1 + 9 * seed, fetchBytes: seed % 2 === 0 ? 1 : 2000 }
      expect(await played(run)).toEqual(expected)
    },
    60_000,
  )

  it.each([11, 12, 13, 14])(
    'gives the same at least once, when what is repeated after a crash is taken out (%i)',
    async (seed) => {
      const given = await played({
        ...undisturbed,
        delivery: 'at-least-once',
        seed,
        happenings: ['restart', 'kill', 'kill', 'pass'],
        atOnce: 20,
        fetchBytes: 1000,
      })

      expect(new Map([...given].map(([at, lines]) => [at, withoutRepeats(lines, expected.get(at) ?? [])]))).toEqual(expected)
    },
    60_000,
  )

  it('gives the same counts behind a repartition topic with one worker, two and three, with crashes', async () => {
    const { define, counts } = repartitioningPlan('r')
    const rowsOf = async (workers: number, seed: number | null): Promise<Readonly<Record<string, number>>> => {
      const log = await completeLog(plan.inputs, records, 30)
      const joins = Array.from({ length: workers - 1 }, (): Happening => 'join')
      await replay(define, log, { delivery: 'exactly-once', fetchBytes: 2000, seed, happenings: [...joins, 'kill', 'restart', 'pass'] })
      return Object.fromEntries([...createOutput(counts, log).toMap()].sort(([a], [b]) => (a < b ? -1 : 1)))
    }
    const alone = await rowsOf(1, null)

    expect(Object.keys(alone)).toHaveLength(17)
    expect(await rowsOf(1, 21)).toEqual(alone)
    expect(await rowsOf(2, 22)).toEqual(alone)
    expect(await rowsOf(3, 23)).toEqual(alone)
  }, 60_000)
})

import { codec, topic, type App } from 'millrace'
import { createOutput } from '../../../lib/testing/output.js'
import { completeLog, outputsOf } from './complete-log.js'
import { replay, type Happening, type Run } from './happenings.js'
import { partitions, recordsOf, replayPlan, rows } from './plan.js'
import { atOnce, processed, processedAgain, promised, promisedAgain, retried, sourcesOf, waysPlan, type Step } from './ways-plan.js'

const { inputs } = replayPlan('w')
const records = recordsOf(400, 5)
const undisturbed: Run = { delivery: 'exactly-once', fetchBytes: 1_048_576, atOnce: 400, seed: null, happenings: [] }
const anything: readonly Happening[] = ['restart', 'kill', 'lose', 'join', 'leave', 'pass', 'pass']

const { outputs } = waysPlan('w', inputs, atOnce)

const played = async (step: Step, differently: Partial<Run> = {}) => {
  const run = { ...undisturbed, ...differently }
  const log = await completeLog(inputs, records, run.atOnce)
  await replay(waysPlan('w', inputs, step).define, log, run)
  return outputsOf(outputs, log)
}

describe('ways that meet again', () => {
  let expected: ReadonlyMap<string, readonly string[]> = new Map()
  // Record by record there is only one order.
  beforeAll(async () => (expected = await played(atOnce, { atOnce: 1, fetchBytes: 1 })), 60_000)

  it('all have something to give', () => {
    const counts = Object.values(outputs).map(({ name }) =>
      [...expected].filter(([at]) => at.startsWith(`${name}-`)).reduce((sum, [, lines]) => sum + lines.length, 0),
    )
    expect(Math.min(...counts)).toBeGreaterThan(20)
  })

  it.each([
    ['verbs that answer at once', atOnce, { atOnce: 7, fetchBytes: 1000 }],
    ['processors', processed, {}],
    ['processors, in tiny fetches', processed, { atOnce: 3, fetchBytes: 1 }],
    ['verbs that fail now and then', retried(3), {}],
    ['processors that fail now and then', processedAgain(3), {}],
    ['promises that fail now and then', promisedAgain(3), { atOnce: 50 }],
    ['promises', promised(1), {}],
    ['promises, one at a time', promised(8), { atOnce: 20 }],
    ['promises, in tiny fetches', promised(5), { atOnce: 1, fetchBytes: 1 }],
    ['promises, at least once', promised(7), { delivery: 'at-least-once' as const }],
  ])(
    'give in the order of what they were given: %s',
    async (_, step, differently) => {
      expect(await played(step, differently)).toEqual(expected)
    },
    60_000,
  )

  it.each([1, 2, 3, 4, 5, 6])(
    'and with promises, crashes, lost disks and moves on the way (%i)',
    async (seed) => {
      const run = { seed, happenings: anything, atOnce: 1 + 9 * seed, fetchBytes: seed % 2 === 0 ? 1 : 2000 }
      expect(await played(promised(seed), run)).toEqual(expected)
    },
    60_000,
  )
})

describe('records on their way through promises', () => {
  const counts = rows('counts')
  const later = promised(6)
  const define = (app: App): void => {
    const { clicks } = sourcesOf(app, inputs)
    later(clicks, '', (value) => value)
      .groupByKey()
      .reduce((all, value) => `${all} ${value}`)
      .toTopic(topic(counts.name, { key: codec.string, value: codec.nullable(codec.string), partitions }))
  }

  it.each([
    ['at-least-once', 1],
    ['at-least-once', 2],
    ['at-least-once', 3],
    ['exactly-once', 4],
    ['exactly-once', 5],
    ['exactly-once', 6],
  ] as const)('go on over a rebalance, and are taken once: %s (%i)', async (delivery, seed) => {
    const log = await completeLog(inputs, records, 10)
    await replay(define, log, { delivery, seed, fetchBytes: 500, happenings: ['join', 'leave', 'join', 'leave', 'pass'] })

    const all = new Map<string, string>()
    for (const { to, key, value } of records) {
      if (to === 'clicks' && value !== null) all.set(key, all.has(key) ? `${all.get(key)} ${value}` : value)
    }
    expect(createOutput(counts, log).toMap()).toEqual(all)
  })
})

import fc from 'fast-check'
import { completeLog, outputsOf } from './complete-log.js'
import { replay, type Run } from './happenings.js'
import { recordsOf } from './plan.js'
import { atOnce, inputs, outputs, planOf, program, type Manner, type Program } from './random-plan.js'

/** Of each kind. */
const plans = Number(process.env['REPLAY_PLANS'] ?? 50)
const few = recordsOf(120, 5)

const played = async (steps: Program, manner: Manner, run: Pick<Run, 'delivery' | 'atOnce' | 'fetchBytes'>) => {
  const log = await completeLog(inputs, few, run.atOnce)
  await replay(planOf(steps, manner), log, { ...run, seed: null, happenings: [] })
  return outputsOf(outputs, log)
}

describe('any plan', () => {
  it.each([
    ['answers at once', atOnce],
    ['fails now and then', { promised: false, flaky: true }],
    ['makes promises', { promised: true, flaky: false }],
    ['makes promises and fails now and then', { promised: true, flaky: true }],
  ])(
    'gives what it gives record by record: one that %s',
    async (_, manner) => {
      await fc.assert(
        fc.asyncProperty(
          program,
          fc.integer({ min: 1, max: 120 }),
          fc.constantFrom('at-least-once' as const, 'exactly-once' as const),
          async (steps, size, delivery) => {
            const expected = await played(steps, atOnce, { delivery: 'exactly-once', atOnce: 1, fetchBytes: 1 })
            const given = await played(steps, manner, { delivery, atOnce: size, fetchBytes: size * 50 })
            expect(given).toEqual(expected)
          },
        ),
        { numRuns: plans },
      )
    },
    60_000 + 500 * plans,
  )
})

import fc from 'fast-check'
import type { App, KStream } from 'millrace'
import { completeLog, outputsOf } from './complete-log.js'
import { replay } from './happenings.js'
import { recordsOf, replayPlan, rows } from './plan.js'
import { atOnce, orNone, promised, promisedAgain, retried, sourcesOf, type Step } from './ways-plan.js'

const { inputs } = replayPlan('w')
const verbs = ['step', 'step', 'split', 'merge', 'mergeThree', 'lookUp', 'join', 'outerJoin', 'table', 'fold'] as const
const program = fc.array(fc.tuple(fc.constantFrom(...verbs), fc.nat(9), fc.nat(9)), { minLength: 2, maxLength: 8 })
type Program = readonly (readonly [(typeof verbs)[number], number, number])[]

const last = { one: rows('one'), other: rows('other') }

/** Any plan at all: each verb takes some streams there are, and gives another one. */
const programmed =
  (steps: Program, step: Step) =>
  (app: App): void => {
    const { clicks, views, users } = sourcesOf(app, inputs)
    const streams = [clicks, views]
    const pick = (n: number): KStream<string, string> => streams[n % streams.length] as KStream<string, string> // never empty
    steps.forEach(([verb, n, m], i) => {
      const [one, other, name] = [pick(n), pick(m), `v${i}`]
      const short = (value: string): string => (value.length > 40 ? `${value.slice(0, 40)}...` : value)
      if (verb === 'step') streams.push(step(one, name, (value) => `${value}+`))
      if (verb === 'merge') streams.push(one.mergeWith(other))
      if (verb === 'mergeThree') streams.push(one.mergeWith(other, pick(n + m)))
      if (verb === 'lookUp') streams.push(one.leftJoin(users, (a, user) => short(`${a}@${orNone(user)}`)))
      if (verb === 'join') streams.push(one.join(other, { within: 5, name }, (a, b) => short(`${a}*${b}`)))
      if (verb === 'outerJoin') streams.push(one.leftJoin(other, { within: 5, grace: 2, name }, (a, b) => short(`${a}/${orNone(b)}`)))
      if (verb === 'split') {
        const { some, rest } = one.split({ some: (value) => value.length % 2 === m % 2 })
        streams.push(some, rest)
      }
      if (verb === 'table')
        streams.push(
          one
            .toTable({ name })
            .leftJoin(users, (a, user) => short(`${a}#${orNone(user)}`))
            .toStream()
            .map((row) => row ?? 'gone'),
        )
      if (verb === 'fold')
        streams.push(
          one
            .groupByKey()
            .reduce((all, value) => short(`${value}${all}`), { name })
            .toStream()
            .map((all) => all ?? ''),
        )
    })
    streams.at(-1)?.toTopic(last.one)
    streams.at(-2)?.toTopic(last.other)
  }

const few = recordsOf(120, 5)
const played = async (define: (app: App) => void, size: number, fetchBytes: number) => {
  const log = await completeLog(inputs, few, size)
  await replay(define, log, { delivery: 'exactly-once', fetchBytes, seed: null, happenings: [] })
  return outputsOf(last, log)
}

describe('ways of any plan', () => {
  it.each([
    ['answer at once', atOnce],
    ['fail now and then', retried(2)],
    ['are promises', promised(3)],
    ['are promises that fail now and then', promisedAgain(4)],
  ])(
    'give what they give record by record, where steps %s',
    async (_, step) => {
      await fc.assert(
        fc.asyncProperty(program, fc.integer({ min: 1, max: 120 }), async (steps, size) => {
          const expected = await played(programmed(steps, atOnce), 1, 1)
          const given = await played(programmed(steps, step), size, size * 50)
          expect(given).toEqual(expected)
        }),
        { numRuns: 25 },
      )
    },
    120_000,
  )
})

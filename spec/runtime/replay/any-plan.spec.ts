import fc from 'fast-check'
import type { App, KStream, KTable } from 'millrace'
import { completeLog, outputsOf } from './complete-log.js'
import { replay, type Run } from './happenings.js'
import { recordsOf, replayPlan, rows } from './plan.js'
import { atOnce, orNone, processed, promised, promisedAgain, retried, sourcesOf, type Step } from './ways-plan.js'

/** Of each kind. */
const plans = Number(process.env['REPLAY_PLANS'] ?? 50)
const { inputs } = replayPlan('w')
const verbs = [
  ...['step', 'step', 'map', 'split', 'merge', 'mergeThree', 'lookUp', 'lookUp', 'join', 'leftJoin', 'table', 'fold', 'toStream'],
  ...['tableJoin', 'process', 'flatMap'],
] as const
const program = fc.array(fc.tuple(fc.constantFrom(...verbs), fc.nat(9), fc.nat(9)), {
  minLength: 3,
  maxLength: 12,
})
type Program = readonly (readonly [string, number, number])[]

const last = { one: rows('one'), other: rows('other'), table: rows('table') }
const short = (value: string): string => (value.length > 40 ? `${value.slice(0, 40)}...` : value)

/** Any plan at all: each verb takes some streams and tables there are, mostly new ones, and gives another one. */
const programmed =
  (steps: Program, step: Step) =>
  (app: App): void => {
    const { clicks, views, users } = sourcesOf(app, inputs)
    const streams: KStream<string, string>[] = [clicks, views]
    const tables: KTable<string, string>[] = [users]
    const pick = <A>(all: readonly A[], n: number): A => all[all.length - 1 - (n % all.length)] as A // never empty
    steps.forEach(([verb, n, m], i) => {
      const [one, other, name] = [pick(streams, n), pick(streams, m), `v${i}`]
      const [table, otherTable] = [pick(tables, n), pick(tables, m)]
      if (verb === 'step') streams.push(step(one, name, (value) => `${value}+`))
      if (verb === 'flatMap') streams.push(one.flatMap((value) => [value, `${value}'`].slice(value.length % 3 === 0 ? 1 : 0)))
      if (verb === 'map') streams.push(one.map((value) => `${value}.`))
      if (verb === 'merge') streams.push(one.mergeWith(other))
      if (verb === 'mergeThree') streams.push(one.mergeWith(other, pick(streams, n + m)))
      if (verb === 'lookUp') streams.push(one.leftJoin(otherTable, (a, row) => short(`${a}@${orNone(row)}`)))
      if (verb === 'join') streams.push(one.join(other, { within: 5, name }, (a, b) => short(`${a}*${b}`)))
      if (verb === 'leftJoin') streams.push(one.leftJoin(other, { within: 5, grace: 2, name }, (a, b) => short(`${a}/${orNone(b)}`)))
      if (verb === 'process') streams.push(processed(one, name, (value) => `${value}_`))
      if (verb === 'toStream') streams.push(table.toStream().map((row) => row ?? 'gone'))
      if (verb === 'table') tables.push(one.toTable({ name }))
      if (verb === 'fold') tables.push(one.groupByKey().reduce((all, value) => short(`${value}${all}`), { name }))
      if (verb === 'tableJoin' && table !== otherTable)
        tables.push(table.leftJoin(otherTable, (a, b) => short(`${a}#${orNone(b)}`), { name }))
      if (verb === 'split') {
        const { some, rest } = one.split({ some: (value) => value.length % 2 === m % 2 })
        streams.push(some, rest)
      }
    })
    pick(streams, 0).toTopic(last.one)
    pick(streams, 1).toTopic(last.other)
    pick(tables, 0)
      .toStream()
      .map((row) => row ?? 'gone')
      .toTopic(last.table)
  }

const few = recordsOf(120, 5)
const played = async (define: (app: App) => void, run: Pick<Run, 'delivery' | 'atOnce' | 'fetchBytes'>) => {
  const log = await completeLog(inputs, few, run.atOnce)
  await replay(define, log, { ...run, seed: null, happenings: [] })
  return outputsOf(last, log)
}

describe('any plan', () => {
  it.each([
    ['answer at once', atOnce],
    ['fail now and then', retried(2)],
    ['are promises', promised(3)],
    ['are promises that fail now and then', promisedAgain(4)],
  ])(
    'gives what it gives record by record, where steps %s',
    async (_, step) => {
      await fc.assert(
        fc.asyncProperty(
          program,
          fc.integer({ min: 1, max: 120 }),
          fc.constantFrom('at-least-once' as const, 'exactly-once' as const),
          async (steps, size, delivery) => {
            const expected = await played(programmed(steps, atOnce), { delivery: 'exactly-once', atOnce: 1, fetchBytes: 1 })
            const given = await played(programmed(steps, step), { delivery, atOnce: size, fetchBytes: size * 50 })
            expect(given).toEqual(expected)
          },
        ),
        { numRuns: plans },
      )
    },
    60_000 + 500 * plans,
  )
})

import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import * as TH from 'fp-ts/lib/These.js'
import { codec, policy, topic, tumbling, type App, type KStream } from 'millrace'
import { createOutput } from '../../../lib/testing/output.js'
import { completeLog, outputsOf } from './complete-log.js'
import { replay, type Happening, type Run } from './happenings.js'
import { partitions, random, recordsOf, replayPlan, rows } from './plan.js'
import { turns } from './workers.js'

/** On the way from an input to where it meets others: what it does to a value is always the same, when is not. */
type Step = (stream: KStream<string, string>, name: string, f: (value: string) => string) => KStream<string, string>

const { inputs } = replayPlan('w')
const outputs = {
  named: rows('named'),
  pairs: rows('pairs'),
  matched: rows('matched'),
  mixed: rows('mixed'),
  parted: rows('parted'),
  rowed: rows('rowed'),
  again: rows('again'),
  told: rows('told'),
  twice: rows('twice'),
}
const orNone = O.getOrElse(() => '-')
const inBoth = TH.match(
  (click: string) => `${click}/-`,
  (view: string) => `-/${view}`,
  (click, view) => `${click}/${view}`,
)

const sourcesOf = (app: App) => {
  const again = { onError: policy.retry({ times: 20, backoff: 10 }, policy.fail) }
  return { clicks: app.stream(inputs.clicks, again), views: app.stream(inputs.views, again), users: app.table(inputs.users, again) }
}

const planOf =
  (step: Step) =>
  (app: App): void => {
    const { clicks, views, users } = sourcesOf(app)
    const shouted = step(clicks, 'shouted', (value) => value.toUpperCase())
    const looked = step(views, 'looked', (value) => `${value}?`)
    // A row as of then, of a table that goes on meanwhile.
    const named = shouted.leftJoin(users, (click, user) => `${click} by ${orNone(user)}`)
    named.toTopic(outputs.named)
    // One side of a join, and both.
    shouted.leftJoin(views, { within: 10, grace: 5, name: 'one' }, (a, b) => `${a}/${orNone(b)}`).toTopic(outputs.pairs)
    shouted.outerJoin(looked, { within: 10, name: 'both' }, inBoth).toTopic(outputs.matched)
    // Several inputs as one, and one in parts.
    shouted.mergeWith(views, looked).toTopic(outputs.mixed)
    const { odd, rest } = clicks.split({ odd: (value) => Number(value.slice(1)) % 2 === 1 })
    const sevens = clicks.filter((value) => value.endsWith('7'))
    step(odd, 'odd', (value) => `odd ${value}`)
      .mergeWith(rest, sevens)
      .toTopic(outputs.parted)
    // A table that is late itself.
    const seen = looked.toTable({ name: 'seen' })
    seen.leftJoin(users, (view, user) => `${view} by ${orNone(user)}`).toTopic(outputs.rowed)
    // A table that is looked up before a promise and after it, and one that what was made of it is joined with.
    step(named, 'named', (value) => `${value};`)
      .leftJoin(users, (value, user) => `${value} ${orNone(user)}`)
      .toTopic(outputs.again)
    const told = step(
      users.toStream().map((user) => user ?? 'gone'),
      'told',
      (user) => `${user},`,
    )
    told.leftJoin(users, (a, user) => `${a} ${orNone(user)}`).toTopic(outputs.told)
    // One behind the other, and a window.
    const saw = shouted.join(seen, (click, view) => `${click} saw ${view}`)
    step(saw, 'exclaimed', (value) => `${value}!`)
      .mergeWith(users.toStream().map((user) => user ?? 'gone'))
      .groupByKey()
      .window(tumbling(20, { grace: 10, emit: 'final' }))
      .reduce((all, value) => `${all} ${value}`, { name: 'in-windows' })
      .toStream()
      .map((all) => all ?? '')
      .keyBy((_, { key }) => key.key, codec.string)
      .toTopic(outputs.twice)
  }

const atOnce: Step = (stream, _, f) => stream.map(f)
const processed: Step = (stream, name, f) =>
  stream.process({ name, emits: codec.string, onRecord: (value, _, context) => context.emit(f(value)) })
/** Each takes a while of its own. */
const promised =
  (seed: number): Step =>
  (stream, _, f) => {
    const next = random(seed)
    const later = async (value: string): Promise<string> => {
      await turns(next(4))
      return f(value)
    }
    return stream.mapAsync(later, { concurrency: 1 + (seed % 8) })
  }
const nowAndThen = (seed: number, f: (value: string) => string) => {
  const next = random(seed)
  return (value: string): string => {
    if (next(10) === 0) throw new Error('not now')
    return f(value)
  }
}
/** These fail now and then, and are tried again. */
const retried =
  (seed: number): Step =>
  (stream, _, f) =>
    stream.map(nowAndThen(seed, f))
const processedAgain =
  (seed: number): Step =>
  (stream, name, f) =>
    processed(stream, name, nowAndThen(seed, f))
const promisedAgain =
  (seed: number): Step =>
  (stream, name, f) =>
    promised(seed)(stream, name, nowAndThen(seed, f))

const records = recordsOf(400, 5)
const undisturbed: Run = { delivery: 'exactly-once', fetchBytes: 1_048_576, atOnce: 400, seed: null, happenings: [] }
const anything: readonly Happening[] = ['restart', 'kill', 'lose', 'join', 'leave', 'pass', 'pass']

const played = async (
  step: Step,
  differently: Partial<Run> = {},
  define = planOf(step),
  written = records,
  given: Parameters<typeof outputsOf>[0] = outputs,
) => {
  const run = { ...undisturbed, ...differently }
  const log = await completeLog(inputs, written, run.atOnce)
  await replay(define, log, run)
  return outputsOf(given, log)
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
    const { clicks } = sourcesOf(app)
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

/* Any plan at all: each verb takes some streams there are, and gives another one. */

const verbs = ['step', 'step', 'split', 'merge', 'mergeThree', 'lookUp', 'join', 'outerJoin', 'table', 'fold'] as const
const program = fc.array(fc.tuple(fc.constantFrom(...verbs), fc.nat(9), fc.nat(9)), { minLength: 2, maxLength: 8 })
type Program = readonly (readonly [(typeof verbs)[number], number, number])[]

const last = { named: outputs.named, pairs: outputs.pairs }

const programmed =
  (steps: Program, step: Step) =>
  (app: App): void => {
    const { clicks, views, users } = sourcesOf(app)
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
    streams.at(-1)?.toTopic(last.named)
    streams.at(-2)?.toTopic(last.pairs)
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
      const few = records.slice(0, 120)
      await fc.assert(
        fc.asyncProperty(program, fc.integer({ min: 1, max: 120 }), async (steps, size) => {
          const expected = await played(atOnce, { atOnce: 1, fetchBytes: 1 }, programmed(steps, atOnce), few, last)
          const given = await played(step, { atOnce: size, fetchBytes: size * 50 }, programmed(steps, step), few, last)
          expect(given).toEqual(expected)
        }),
        { numRuns: 25 },
      )
    },
    120_000,
  )
})

import type * as O from 'fp-ts/lib/Option.js'
import { codec, policy, tumbling, type App, type KStream } from 'millrace'
import { completeLog, outputsOf } from './complete-log.js'
import { replay, type Run } from './happenings.js'
import { partitions, recordsOf, replayPlan, rows } from './plan.js'
import { atOnce, orNone, promised, sourcesOf, type Step } from './ways-plan.js'

const { inputs } = replayPlan('m')
const out = rows('out')
/** Found out about when the first record is to go there. */
const found = rows('found')
const records = recordsOf(400, 5)
const atLeastOnce: Partial<Run> = { delivery: 'at-least-once' }

const played = async (
  define: (app: App) => void,
  differently: Partial<Run> = {},
  written = records,
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const run: Run = { delivery: 'exactly-once', fetchBytes: 1_048_576, atOnce: 50, seed: null, happenings: [], ...differently }
  const log = await completeLog(inputs, written, run.atOnce)
  await replay(define, log, run)
  const isFound = log.topic(found.name) !== undefined
  return outputsOf(isFound ? { out, found } : { out }, log)
}

type Streams = ReturnType<typeof sourcesOf>
type Later = (stream: KStream<string, string>) => KStream<string, string>
type Plan = (streams: Streams, later: Later) => void

const defined =
  (plan: Plan, step: Step) =>
  (app: App): void => {
    let steps = 0
    plan(sourcesOf(app, inputs), (stream) => step(stream, `step${steps++}`, (value) => value))
  }

const by = (value: string, row: O.Option<string>): string => `${value} by ${orNone(row)}`
const saw = (value: string, row: O.Option<string>): string => `${value} saw ${orNone(row)}`
const marked = (value: string): string => `${value}!`
/** No two verbs are worked on as one across it. */
const apart = (stream: KStream<string, string>): KStream<string, string> => stream.split({ all: () => true }).all

const thrown = (): never => {
  throw new Error('not now')
}

/** Each is a plan that was given in another order once, or not at all. */
const plans: Readonly<Record<string, Plan>> = {
  'a promise, a verb at once, a look-up': ({ clicks, users }, later) => {
    later(clicks).map(marked).leftJoin(users, by).toTopic(out)
  },
  'a verb at once, a look-up in a table that is late': ({ clicks, views }, later) => {
    clicks
      .map(marked)
      .leftJoin(later(views).toTable({ name: 'seen' }), saw)
      .toTopic(out)
  },
  'a promise, a verb at once, a table': ({ clicks, views }, later) => {
    clicks.leftJoin(later(views).map(marked).toTable({ name: 'seen' }), saw).toTopic(out)
  },
  'one that waits for its results to be done with': ({ clicks, users }, later) => {
    const named = later(clicks)
      .filter(() => true)
      .leftJoin(users, by)
    named.toTopic(out)
    named.each(() => new Promise((resolve) => setImmediate(resolve)))
  },
  'what has waited for a table is late in a merge': ({ clicks, views, users }, later) => {
    const seen = later(views).toTable({ name: 'seen' })
    clicks
      .leftJoin(seen, saw)
      .mergeWith(users.toStream().map((user) => user ?? 'gone'))
      .toTopic(out)
  },
  'what has waited for a table is late in the one it was looked up in before': ({ clicks, views, users }, later) => {
    const seen = later(views).toTable({ name: 'seen' })
    apart(apart(clicks.leftJoin(users, by)).leftJoin(seen, saw))
      .leftJoin(users, by)
      .toTopic(out)
  },
  'what is late joins what was looked up, and is looked up with it': ({ clicks, views, users }, later) => {
    apart(clicks.leftJoin(users, by)).mergeWith(later(views)).leftJoin(users, by).toTopic(out)
  },
  'two promises that lead back to where their stream has been looked up': ({ views, users }, later) => {
    const named = views.leftJoin(users, by)
    const seen = later(later(named)).toTable({ name: 'seen' })
    later(named).leftJoin(seen, saw).toTopic(out)
    seen
      .leftJoin(users, by, { name: 'both' })
      .toStream()
      .map((row) => row ?? '')
      .toTopic(out)
  },
  'what leads back behind a promise, and without one': ({ views, users }, later) => {
    const named = views.leftJoin(users, by)
    const seen = later(named)
      .groupByKey()
      .reduce((all, value) => `${all.slice(-9)} ${value}`, { name: 'seen' })
    named.leftJoin(seen, saw).toTopic(out)
    seen
      .leftJoin(users, by, { name: 'both' })
      .toStream()
      .map((row) => row ?? '')
      .toTopic(out)
  },
  'what comes for the first time where others come back': ({ clicks, views }, later) => {
    const seen = later(clicks).toTable({ name: 'seen' })
    const pair = (click: string, view: O.Option<string>): string => `${click}/${orNone(view)}`
    clicks.leftJoin(views.leftJoin(seen, saw), { within: 10, name: 'pairs' }, pair).leftJoin(seen, by).toTopic(out)
  },
  'what comes of a look-up is written where others look up, who come later': ({ views, users }, later) => {
    const late = later(later(views))
    const seen = later(views.leftJoin(users, by)).toTable({ name: 'seen' })
    seen
      .leftJoin(users, by, { name: 'both' })
      .toStream()
      .map((row) => row ?? '')
      .toTopic(out)
    late.leftJoin(seen, saw).toTopic(out)
  },
  'what comes several times of one record, and is merged with itself': ({ clicks }, later) => {
    const twice = later(clicks.flatMap((value) => [value, marked(value)]))
    twice.mergeWith(twice, later(twice)).toTopic(out)
  },
  'two sinks of one topic': ({ clicks }) => {
    clicks.map(marked).toTopic(out)
    clicks.toTopic(out)
  },
  'two sinks of one topic, one behind a promise': ({ clicks, views, users }, later) => {
    later(clicks).leftJoin(users, by).toTopic(out)
    views.leftJoin(users, by).toTopic(out)
    views.toTopic(() => out)
    views.filter((value) => value.endsWith('7')).toTopic(() => found)
    clicks.toTopic(() => found)
  },
  'two tables of one stream, each looked up by what comes of the other': ({ clicks }, later) => {
    const { odd, rest } = later(clicks).split({ odd: (value) => Number(value.slice(1)) % 2 === 1 })
    const [one, other] = [odd.toTable({ name: 'odd' }), rest.toTable({ name: 'even' })]
    apart(one.toStream().map((row) => row ?? ''))
      .leftJoin(other, by)
      .toTopic(out)
    apart(other.toStream().map((row) => row ?? ''))
      .leftJoin(one, by)
      .toTopic(out)
  },
}

describe('what meets', () => {
  it.each(Object.entries(plans))('gives what it gives record by record: %s', async (_, plan) => {
    const expected = await played(defined(plan, atOnce), { atOnce: 1, fetchBytes: 1 })

    expect([...expected.values()].flat().length).toBeGreaterThan(20)
    for (const seed of [3, 4, 5, 7]) {
      expect(await played(defined(plan, promised(seed)), seed % 2 === 0 ? atLeastOnce : {})).toEqual(expected)
    }
  })

  it('waits for nobody who only reads the same table', async () => {
    const plan: Plan = ({ clicks, users }) => {
      clicks.map(marked).leftJoin(users, by).toTopic(out)
      clicks.leftJoin(users, by).each(() => undefined)
    }
    const expected = await played(defined(plan, atOnce), { atOnce: 1, fetchBytes: 1 })

    expect(await played(defined(plan, atOnce))).toEqual(expected)
    expect(await played(defined(plan, atOnce), atLeastOnce)).toEqual(expected)
  })

  it('holds up no promise that does not lead back', async () => {
    let [running, most] = [0, 0]
    const busy = (stream: KStream<string, string>): KStream<string, string> =>
      stream.mapAsync(async (value) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return value
      })
    const plan: Plan = ({ clicks, users }, later) => {
      later(busy(clicks).leftJoin(users, by)).leftJoin(users, by).toTopic(out)
    }
    await played(defined(plan, promised(1)), { atOnce: 1, fetchBytes: 1 })

    // Of all tasks together.
    expect(most).toBeGreaterThan(2 * partitions)
  })

  it('lets nothing overtake what waits while a verb is tried again', async () => {
    const plan =
      (failsAt: number): Plan =>
      ({ views, users }, later) => {
        let calls = 0
        const late = later(views)
        const both = late
          .toTable({ name: 'seen' })
          .leftJoin(users, (view, user) => (++calls === failsAt ? thrown() : by(view, user)), { name: 'both' })
        both.toStream().each(() => undefined)
        users
          .toStream()
          .map((row) => row ?? 'gone')
          .mergeWith(late)
          .toTopic(out)
      }
    const expected = await played(defined(plan(0), atOnce), { atOnce: 1, fetchBytes: 1 })

    for (const failsAt of [1, 2, 3, 5, 8, 13]) expect(await played(defined(plan(failsAt), promised(3)))).toEqual(expected)
  })

  it('waits for no dead letter', async () => {
    const orSetAside = (value: string): string => {
      if (Number(value.slice(1)) % 5 === 0) throw new Error('no')
      return marked(value)
    }
    const define = (app: App): void => {
      const clicks = app.stream(inputs.clicks, { onError: policy.deadLetter('m-dead') })
      const users = app.table(inputs.users)
      clicks.map(orSetAside).mergeWith(clicks).leftJoin(users, by).toTopic(out)
    }
    const expected = await played(define, { atOnce: 1, fetchBytes: 1 })

    expect(await played(define)).toEqual(expected)
    expect(await played(define, atLeastOnce)).toEqual(expected)
  })

  it('gives what it gives record by record: more windows that close at once than have their turn at once', async () => {
    const many = Array.from({ length: 4000 }, (_, i) => ({ to: 'clicks' as const, key: `k${i % 3900}`, value: `c${i}`, time: i >> 1 }))
    const plan: Plan = ({ clicks }) => {
      const finals = clicks
        .groupByKey()
        .window(tumbling(1900, { emit: 'final' }))
        .reduce((all, value) => `${all} ${value}`)
        .toStream()
        .map((all) => all ?? '')
      const seen = finals.mapAsync((value) => Promise.resolve(value)).toTable({ name: 'seen' })
      finals
        .leftJoin(seen, by)
        .keyBy((_, { key }) => key.key, codec.string)
        .toTopic(out)
    }
    const expected = await played(defined(plan, atOnce), { atOnce: 1, fetchBytes: 1 }, many)

    expect([...expected.values()].flat().length).toBeGreaterThan(3000)
    expect(await played(defined(plan, atOnce), { atOnce: 700 }, many)).toEqual(expected)
    expect(await played(defined(plan, atOnce), atLeastOnce, many)).toEqual(expected)
  })

  it('goes on where much is uncommitted, and all that was taken is held back', async () => {
    let calls = 0
    const plan: Plan = ({ clicks }) => {
      const often = (value: string): string[] => (++calls % 7 === 0 ? thrown() : Array.from({ length: 40 }, () => value))
      clicks.batch({ size: 1000, within: '1h' }).each(() => undefined)
      clicks.flatMap(often).toTopic(out)
    }
    const given = await played(defined(plan, atOnce), { atOnce: 1, fetchBytes: 1 })

    expect([...given.values()].flat().length).toBe(40 * records.filter(({ to }) => to === 'clicks').length)
  })

  it('does not wait for a list to be full', async () => {
    const sizes: number[] = []
    const plan: Plan = ({ clicks, users }, later) => {
      later(clicks.leftJoin(users, by))
        .map(marked)
        .leftJoin(users, by)
        .batch({ size: 40, within: '1h' })
        .map((list) => {
          sizes.push(list.length)
          return String(list.length)
        })
        .toTopic(out)
    }
    await played(defined(plan, promised(3)))

    expect(Math.max(...sizes)).toBe(40)
  })
})

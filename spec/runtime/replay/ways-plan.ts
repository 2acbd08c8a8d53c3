import { setTimeout as sleep } from 'node:timers/promises'
import * as O from 'fp-ts/lib/Option.js'
import * as TH from 'fp-ts/lib/These.js'
import { codec, policy, tumbling, type App, type KStream } from 'millrace'
import { random, rows, type ReplayInputs } from './plan.js'
import { turns } from './workers.js'

/** On the way from an input to where it meets others: what it does to a value is always the same, when is not. */
export type Step = (stream: KStream<string, string>, name: string, f: (value: string) => string) => KStream<string, string>

export const orNone = O.getOrElse(() => '-')
const inBoth = TH.match(
  (click: string) => `${click}/-`,
  (view: string) => `-/${view}`,
  (click, view) => `${click}/${view}`,
)

export const sourcesOf = (app: App, inputs: ReplayInputs) => {
  const again = { onError: policy.retry({ times: 20, backoff: 10 }, policy.fail) }
  return { clicks: app.stream(inputs.clicks, again), views: app.stream(inputs.views, again), users: app.table(inputs.users, again) }
}

export const waysPlan = (prefix: string, inputs: ReplayInputs, step: Step) => {
  const own = (name: string) => rows(`${prefix}-${name}`)
  const outputs = {
    named: own('named'),
    pairs: own('pairs'),
    matched: own('matched'),
    mixed: own('mixed'),
    parted: own('parted'),
    rowed: own('rowed'),
    again: own('again'),
    told: own('told'),
    twice: own('twice'),
  }
  const define = (app: App): void => {
    const { clicks, views, users } = sourcesOf(app, inputs)
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
  return { outputs, define }
}

export const atOnce: Step = (stream, _, f) => stream.map(f)
export const processed: Step = (stream, name, f) =>
  stream.process({ name, emits: codec.string, onRecord: (value, _, context) => context.emit(f(value)) })
/** Each takes a while of its own. */
export const promised =
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
export const retried =
  (seed: number): Step =>
  (stream, _, f) =>
    stream.map(nowAndThen(seed, f))
export const processedAgain =
  (seed: number): Step =>
  (stream, name, f) =>
    processed(stream, name, nowAndThen(seed, f))
export const promisedAgain =
  (seed: number): Step =>
  (stream, name, f) =>
    promised(seed)(stream, name, nowAndThen(seed, f))
/** A few outlast a rebalance. */
export const slowly: Step = (stream, _, f) =>
  stream.mapAsync(async (value) => {
    await sleep(Math.random() < 0.02 ? 1000 : Math.random() * 5)
    return f(value)
  })

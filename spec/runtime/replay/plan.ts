import * as O from 'fp-ts/lib/Option.js'
import { codec, session, topic, tumbling, type App, type Topic, type Windowed } from 'millrace'
import { partitionOf } from '../../../lib/core/murmur2.js'

const text = codec.nullable(codec.string)
export const partitions = 3

export interface ReplayInputs {
  readonly clicks: Topic<string, string>
  readonly views: Topic<string, string>
  readonly users: Topic<string, string>
}

export const rows = (name: string): Topic<string, string> => topic(name, { key: codec.string, value: codec.string, partitions })

/** A plan with all that could go by what happens to arrive first: windows, late records, joins of all kinds, a table held back. */
export const replayPlan = (prefix: string, given?: ReplayInputs) => {
  const own = (name: string) => rows(`${prefix}-${name}`)
  const inputs: ReplayInputs = given ?? { clicks: own('clicks'), views: own('views'), users: own('users') }
  // Where the key alone would be, so that each partition of an output is written by one task.
  const partition = ({ key }: Windowed<string>, count: number): number => partitionOf(Buffer.from(key), count)
  const windowed = (name: string) => topic(`${prefix}-${name}`, { key: codec.windowed(codec.string), value: text, partitions, partition })
  const outputs = {
    finals: windowed('finals'),
    sessions: windowed('sessions'),
    late: own('late'),
    pairs: own('pairs'),
    named: own('named'),
    both: own('both'),
    calm: own('calm'),
  }
  const together = { empty: '', add: (all: string, value: string) => `${all} ${value}`, merge: (a: string, b: string) => `${a} |${b}` }
  const define = (app: App): void => {
    const [clicks, views, users] = [app.stream(inputs.clicks), app.stream(inputs.views), app.table(inputs.users)]
    const byKey = clicks.groupByKey()
    byKey
      .window(tumbling(20, { grace: 10, emit: 'final' }), { late: outputs.late })
      .aggregate(together)
      .toTopic(outputs.finals)
    byKey
      .window(session(8, { grace: 10, emit: { every: 15 } }))
      .aggregate(together, { name: 'visits' })
      .toTopic(outputs.sessions)
    clicks.leftJoin(views, { within: 10, grace: 5 }, (a, b) => `${a}/${O.isSome(b) ? b.value : '-'}`).toTopic(outputs.pairs)
    clicks.leftJoin(users, (click, user) => `${click} by ${O.isSome(user) ? user.value : '-'}`).toTopic(outputs.named)
    const seen = views.toTable({ name: 'seen' })
    seen.leftJoin(users, (view, user) => `${view} by ${O.isSome(user) ? user.value : '-'}`).toTopic(outputs.both)
    users.suppress({ within: 30 }).toTopic(outputs.calm)
  }
  return { inputs, outputs, define }
}

export interface Written {
  readonly to: 'clicks' | 'views' | 'users'
  readonly key: string
  readonly value: string | null
  readonly time: number
}

/** A small generator of our own: the same records in every run. */
export const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % below
  }
}

/** Out of order, some of it late, with jumps. */
export const recordsOf = (count: number, seed: number): readonly Written[] => {
  const next = random(seed)
  let now = 0
  return Array.from({ length: count }, (_, i) => {
    now += next(20) === 0 ? 40 : next(4)
    const to = (['clicks', 'clicks', 'views', 'users'] as const)[next(4)] ?? 'clicks'
    const time = Math.max(0, now - (next(10) === 0 ? 60 : next(8)))
    return { to, key: `k${next(12)}`, value: to === 'users' && next(5) === 0 ? null : `${to.charAt(0)}${i}`, time }
  })
}

/** By another key: upstream partitions interleave on the way. */
export const repartitioningPlan = (prefix: string) => {
  const { inputs } = replayPlan(prefix)
  const counts: Topic<string, number> = topic(`${prefix}-counts`, { key: codec.string, value: codec.number, partitions })
  const define = (app: App): void => {
    const byTen = (value: string): string => `g${Number(value.slice(1)) % 10}`
    app.stream(inputs.clicks).groupBy(byTen, codec.string).count({ name: 'clicks' }).toTopic(counts)
    app
      .table(inputs.users)
      .groupBy((row) => [`u${Number(row.slice(1)) % 7}`, row], codec.string, codec.string)
      .count({ name: 'users-by' })
      .toTopic(counts)
  }
  return { inputs, counts, define }
}

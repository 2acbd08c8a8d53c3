import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TH from 'fp-ts/lib/These.js'
import { codec, hopping, policy, sliding, topic, tumbling, type App, type KStream, type KTable, type Windowed } from 'millrace'
import { partitionOf } from '../../../lib/core/murmur2.js'
import { partitions, random, replayPlan, rows } from './plan.js'
import { turns } from './workers.js'

export const { inputs } = replayPlan('r')

/** How what its lambdas give is given. */
export interface Manner {
  /** Steps are promises that take a while of their own. */
  readonly promised: boolean
  /** Lambdas throw now and then, and are tried again. */
  readonly flaky: boolean
}
export const atOnce: Manner = { promised: false, flaky: false }

const windowRows = (name: string) =>
  topic(name, {
    key: codec.windowed(codec.string),
    value: codec.string,
    partitions,
    partition: ({ key }: Windowed<string>, count: number) => partitionOf(Buffer.from(key), count),
  })
export const outputs = {
  one: rows('one'),
  other: rows('other'),
  table: rows('table'),
  window: windowRows('window'),
  windowTable: windowRows('window-table'),
}

type Texts = KStream<string, string>
type Rows = KTable<string, string>

const short = (value: string): string => (value.length > 40 ? `${value.slice(0, 40)}...` : value)
const orNone = O.getOrElse(() => '-')
const orGone = (row: string | null | undefined): string => row ?? 'gone'
const sum = (value: string): number => [...value].reduce((all, char) => (all * 31 + char.charCodeAt(0)) % 1000, 7)
const both = TH.match(
  (a: string) => `${a}|-`,
  (b: string) => `-|${b}`,
  (a, b) => `${a}|${b}`,
)
const orBad = (value: string): string => {
  if (sum(value) % 5 === 0) throw new Error('bad')
  return `${value}b`
}

/** The streams and tables there are; a verb takes some of them, mostly new ones, and adds others. */
class Growing {
  readonly streams: Texts[]
  readonly tables: Rows[]
  readonly windows: KStream<Windowed<string>, string>[] = []
  readonly windowTables: KTable<Windowed<string>, string>[] = []
  private readonly dice = random(2)

  constructor(
    app: App,
    private readonly manner: Manner,
  ) {
    const onError = policy.when(
      ({ error }) => error.message === 'bad',
      policy.deadLetter('dead'),
      policy.retry({ times: 60, backoff: 10 }, policy.fail),
    )
    this.streams = [app.stream(inputs.clicks, { onError }), app.stream(inputs.views, { onError })]
    this.tables = [app.table(inputs.users, { onError })]
  }

  stream(n: number): Texts {
    return pick(this.streams, n)
  }
  table(n: number): Rows {
    return pick(this.tables, n)
  }

  /** Any lambda. */
  f<A extends readonly unknown[], B>(lambda: (...args: A) => B): (...args: A) => B {
    if (!this.manner.flaky) return lambda
    return (...args) => {
      if (this.dice(40) === 0) throw new Error('not now')
      return lambda(...args)
    }
  }

  step<K>(stream: KStream<K, string>, lambda: (value: string) => string): KStream<K, string> {
    const f = this.f(lambda)
    if (!this.manner.promised) return stream.map(f)
    const next = random(this.streams.length)
    const later = async (value: string): Promise<string> => {
      await turns(next(4))
      return f(value)
    }
    return stream.mapAsync(later, { concurrency: 5 })
  }
}

/** Mostly a new one. */
const pick = <A>(all: readonly A[], n: number): A => all[all.length - 1 - (n % all.length)] as A // never empty

/** Of one size, so that their rows can be joined. */
const kinds = [
  tumbling(10, { grace: 5, emit: 'final' }),
  tumbling(10, { grace: 4 }),
  hopping(10, { every: 5, emit: { every: 6 } }),
  sliding(10, { grace: 2, emit: 'final' }),
] as const
const windowed = (all: Growing, n: number, k: number, name: string): KTable<Windowed<string>, string> => {
  const fold = { empty: '', add: all.f((a: string, value: string) => short(`${value},${a}`)) }
  return all.stream(n).groupByKey().window(pick(kinds, k)).aggregate(fold, { name })
}

type Verb = (all: Growing, n: number, k: number, name: string) => unknown
const looked = (all: Growing) => all.f((a: string, row: O.Option<string>) => short(`${a}@${orNone(row)}`))
const joined = (all: Growing) => all.f((a: string, b: string) => short(`${a}*${b}`))

const ofStreams: Readonly<Record<string, Verb>> = {
  step: (all, n) => all.streams.push(all.step(all.stream(n), (value) => `${value}+`)),
  map: (all, n) => all.streams.push(all.stream(n).map(all.f((value: string) => `${value}.`))),
  flatMap: (all, n) =>
    all.streams.push(all.stream(n).flatMap(all.f((value: string) => [value, `${value}'`].slice(value.length % 3 === 0 ? 1 : 0)))),
  merge: (all, n, k) => all.streams.push(all.stream(n).mergeWith(all.stream(k))),
  mergeThree: (all, n, k) => all.streams.push(all.stream(n).mergeWith(all.stream(k), all.stream(n + k))),
  split: (all, n, k) => {
    const { some, rest } = all.stream(n).split({ some: all.f((value: string) => value.length % 2 === k % 2) })
    all.streams.push(some, rest)
  },
  either: (all, n, k) => {
    const side = (value: string): E.Either<string, string> => (value.length % 2 === k % 2 ? E.left(`${value}l`) : E.right(`${value}r`))
    const { left, right } = all.stream(n).mapEither(all.f(side))
    all.streams.push(left, right)
  },
  deadLetter: (all, n) =>
    all.streams.push(
      all
        .stream(n)
        .split({ all: () => true })
        .all.map(all.f(orBad)),
    ),
  process: (all, n, _, name) => {
    const now = all.f(() => undefined)
    all.streams.push(
      all.stream(n).process({
        name,
        emits: codec.string,
        onRecord(value, _meta, context) {
          context.emit(`${value}_`)
          context.setTimer(context.streamTime + 6)
          now()
        },
        onTimer(key, { at }, context) {
          context.emit(`${key}!${at}`)
          now()
        },
      }),
    )
  },
  distinct: (all, n, _, name) =>
    all.streams.push(all.stream(n).distinct({ within: 10, name, by: all.f((value: string) => value.length % 4) })),
  each: (all, n, k) => all.stream(n).each(all.f(() => turns(k % 4))),
  list: (all, n, k) => all.stream(n).batch({ size: 1 + n * k, within: '1h' }).each(all.f(() => turns(k % 3))), // prettier-ignore
  join: (all, n, k, name) => all.streams.push(all.stream(n).join(all.stream(k), { within: 5, name }, joined(all))),
  selfJoin: (all, n, _, name) => all.streams.push(all.stream(n).join(all.stream(n), { within: 3, name }, joined(all))),
  leftJoin: (all, n, k, name) => all.streams.push(all.stream(n).leftJoin(all.stream(k), { within: 5, grace: 2, name }, looked(all))),
  outerJoin: (all, n, k, name) =>
    all.streams.push(all.stream(n).outerJoin(all.stream(k), { within: 4, grace: 3, name }, all.f((sides: TH.These<string, string>) => short(both(sides))))), // prettier-ignore
  lookUp: (all, n, k) => all.streams.push(all.stream(n).leftJoin(all.table(k), looked(all))),
}

const ofTables: Readonly<Record<string, Verb>> = {
  table: (all, n, _, name) => all.tables.push(all.stream(n).toTable({ name })),
  fold: (all, n, _, name) =>
    all.tables.push(
      all
        .stream(n)
        .groupByKey()
        .reduce(all.f((a: string, value: string) => short(`${value}${a}`)), { name }), // prettier-ignore
    ),
  tableFilter: (all, n) => all.tables.push(all.table(n).filter(all.f((row: string) => sum(row) % 3 !== 0))),
  tableMap: (all, n) => all.tables.push(all.table(n).map(all.f((row: string) => `${row}m`))),
  suppress: (all, n, k, name) => all.tables.push(all.table(n).suppress({ within: 4 + k, name })),
  tableJoin: (all, n, k, name) => {
    const [table, other] = [all.table(n), all.table(k)]
    if (table !== other) all.tables.push(table.leftJoin(other, looked(all), { name }))
  },
  tableOuter: (all, n, k, name) => {
    const [table, other] = [all.table(n), all.table(k)]
    if (table !== other)
      all.tables.push(
        table.outerJoin(
          other,
          all.f((sides: TH.These<string, string>) => short(both(sides))),
          { name },
        ),
      )
  },
  toStream: (all, n) => all.streams.push(all.table(n).toStream().map(all.f(orGone))),
  changes: (all, n) =>
    all.streams.push(
      all
        .table(n)
        .changes()
        .map(all.f(({ before, after }) => short(`${orNone(before)}>${orNone(after)}`))),
    ),
}

const ofWindows: Readonly<Record<string, Verb>> = {
  window: (all, n, k, name) => {
    const table = windowed(all, n, k, name)
    all.windowTables.push(table)
    all.windows.push(table.toStream().map(all.f(orGone)))
  },
  windowStep: (all, n) => all.windows.push(all.step(pick(all.windows, n), (value) => short(`${value}+`))),
  windowMerge: (all, n, k) => all.windows.push(pick(all.windows, n).mergeWith(pick(all.windows, k))),
  windowLookUp: (all, n, k) => all.windows.push(pick(all.windows, n).leftJoin(pick(all.windowTables, k), looked(all))),
  windowTableJoin: (all, n, k, name) => {
    const [table, other] = [pick(all.windowTables, n), pick(all.windowTables, k)]
    if (table !== other) all.windowTables.push(table.leftJoin(other, looked(all), { name }))
  },
}

const verbs: Readonly<Record<string, Verb>> = { ...ofStreams, ...ofTables, ...ofWindows }
const usual = ['step', 'step', 'step', 'map', 'split', 'merge', 'lookUp', 'lookUp', 'table', 'fold', 'tableJoin', 'toStream', 'window']

export type Program = readonly (readonly [verb: string, n: number, k: number])[]
export const program: fc.Arbitrary<Program> = fc.array(fc.tuple(fc.constantFrom(...usual, ...Object.keys(verbs)), fc.nat(9), fc.nat(9)), {
  minLength: 3,
  maxLength: 14,
})

export const planOf =
  (steps: Program, manner: Manner) =>
  (app: App): void => {
    const all = new Growing(app, manner)
    verbs['window']?.(all, 0, 0, 'first')
    steps.forEach(([verb, n, k], i) => verbs[verb]?.(all, n, k, `v${i}`))
    all.stream(0).toTopic(outputs.one)
    all.stream(1).toTopic(outputs.other)
    all.table(0).toStream().map(orGone).toTopic(outputs.table)
    pick(all.windows, 0).toTopic(outputs.window)
    pick(all.windowTables, 0).toStream().map(orGone).toTopic(outputs.windowTable)
  }

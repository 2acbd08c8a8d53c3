import fc from 'fast-check'
import {
  calendar,
  codec,
  hopping,
  session,
  sliding,
  topic,
  tumbling,
  type App,
  type FixedWindows,
  type KTable,
  type SessionWindows,
  type Windowed,
  type WindowOptions,
} from '../../lib/index.js'
import { calendarReference } from './calendar-reference.js'
import { input, output, type Law } from './law.js'
import { foldings, windowName, windowsReference, type Emit, type WindowSettings } from './windows-reference.js'

const text = codec.nullable(codec.string)
const [one, two] = [input('one'), input('two')]
const out = topic('out', { key: codec.windowed(text), value: codec.nullable(codec.string), partitions: 1 })
const late = output('late')

type Kind = WindowSettings['kind']
const emit: fc.Arbitrary<Emit> = fc.oneof(
  fc.constant('updates' as const),
  fc.constant('final' as const),
  fc.constantFrom(1, 6, 15).map((every) => ({ every })),
)
const settings = (kinds: readonly Kind[], folds: readonly WindowSettings['fold'][]): fc.Arbitrary<WindowSettings> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    size: fc.constantFrom(5, 10, 16),
    every: fc.constantFrom(2, 5),
    grace: fc.constantFrom(0, 3, 12),
    emit,
    fold: fc.constantFrom(...folds),
    unit: fc.constantFrom('hour', 'day', 'week', 'month'),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'),
  })

/** In steps of the unit's own order, so that histories meet its bounds, and in Berlin and New York the change of the clocks. */
const calendarTimes = ({ unit }: WindowSettings): { readonly from: number; readonly step: number } => {
  const minutes = { hour: 15, day: 300, week: 2400, month: 9000 }[unit]
  return { from: Date.parse(unit === 'hour' ? '2026-10-24T22:00Z' : '2026-03-01T00:00Z'), step: minutes * 60_000 }
}
const onTheCalendar = (given: WindowSettings): WindowSettings => {
  const { step } = calendarTimes(given)
  const { emit } = given
  return { ...given, grace: given.grace * step, emit: typeof emit === 'object' ? { every: emit.every * step } : emit }
}

const windowsOf = ({ kind, size, every, grace, emit, unit, zone }: WindowSettings): FixedWindows | SessionWindows => {
  const options: WindowOptions = { grace, emit }
  switch (kind) {
    case 'tumbling':
      return tumbling(size, options)
    case 'hopping':
      return hopping(size, { ...options, every })
    case 'sliding':
      return sliding(size, options)
    case 'session':
      return session(size, options)
    case 'calendar':
      return calendar(unit, { ...options, zone })
  }
}

type Rows = KTable<Windowed<string | null>, string>

const folded = (settings: WindowSettings, app: App): Rows => {
  // The two kinds differ in what the surface asks for; given all of it, either does.
  const windows = windowsOf(settings) as SessionWindows
  const group = (source: typeof one) => app.stream(source).groupByKey()
  const { add } = foldings[settings.fold]
  const merge = (a: string, b: string) => `(${a}|${b})`
  switch (settings.fold) {
    case 'count':
      return group(one).window(windows, { late }).count().map(String)
    case 'reduce':
      return group(one)
        .window(windows, { late })
        .reduce((a, b) => `${a}+${b}`) as Rows // a null is no value to it
    case 'aggregate':
      return group(one)
        .window(windows, { late })
        .aggregate({ empty: '', add: (result: string, value) => add(result, String(value), ''), merge })
    case 'cogroup':
      return group(one)
        .cogroup((result: string, value) => add(result, String(value), 'one'))
        .with(group(two), (result, value) => add(result, String(value), 'two'))
        .window(windows, { late })
        .aggregate('', merge)
  }
}

const law = (name: string, kinds: readonly Kind[], folds: readonly WindowSettings['fold'][]): Law<WindowSettings> => {
  const isCalendar = kinds.includes('calendar')
  return {
    name,
    inputs: folds.includes('cogroup') ? [one, two] : [one],
    outputs: [out, late],
    settings: isCalendar ? settings(kinds, folds).map(onTheCalendar) : settings(kinds, folds),
    ...(isCalendar && { times: calendarTimes }),
    define: ({ settings, app }) => folded(settings, app).toTopic(out),
    keyOf: (key: Windowed<string> | string) => (typeof key === 'string' ? key : windowName(key)),
    judge: { kind: 'results', reference: (given, taken) => windowsReference(given, taken, calendarReference(given.unit, given.zone)) },
  }
}

const folds = ['count', 'reduce', 'aggregate'] as const
export const windowLaws: readonly Law<WindowSettings>[] = [
  law('tumbling windows', ['tumbling'], folds),
  law('hopping windows', ['hopping'], folds),
  law('sliding windows', ['sliding'], folds),
  law('session windows', ['session'], folds),
  law('calendar windows', ['calendar'], folds),
  law('windows of a cogroup', ['tumbling', 'hopping', 'sliding', 'session'], ['cogroup']),
]

import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import { codec, topic, type App, type KTable } from '../../lib/index.js'
import { input, output, type AnyLaw, type Law } from './law.js'
import { distinctReference, suppressReference, type DistinctSettings, type SuppressSettings } from './held-reference.js'
import { mapped, passes, tableReference, type TableSettings } from './tables-reference.js'
import { foldings } from './windows-reference.js'

const [one, two, out] = [input('one'), input('two'), output('out')]
/** The same topic, as a table is made of it. */
export const rowsOf = (name: string, partitions?: number) =>
  topic(name, { key: codec.nullable(codec.string), value: codec.string, partitions })
type Table = KTable<string | null, string>

const tableSettings: fc.Arbitrary<TableSettings> = fc.record({
  from: fc.constantFrom('table', 'toTable', 'count', 'reduce', 'aggregate', 'cogroup'),
  ttl: fc.constantFrom(null, null, 4, 15),
  views: fc.array(fc.record({ verb: fc.constantFrom('filter', 'map'), isStored: fc.boolean() }), { maxLength: 2 }),
  end: fc.constantFrom('rows', 'changes'),
})

const madeBy = ({ from, ttl }: TableSettings, app: App): Table => {
  const store = ttl === null ? {} : { ttl }
  const group = (source: typeof one) => app.stream(source).groupByKey()
  const { add } = foldings[from === 'table' || from === 'toTable' ? 'aggregate' : from]
  switch (from) {
    case 'table':
      return app.table(rowsOf('one'), store)
    case 'toTable':
      return app.stream(one).toTable(store)
    case 'count':
      // A view of it would be one of the views.
      return group(one).aggregate({ empty: '0', add: (n) => add(n, '', '') }, store)
    case 'reduce':
      return group(one).reduce((a, b) => `${a}+${b}`, store) as Table // a null is no value to it
    case 'aggregate':
      return group(one).aggregate({ empty: '', add: (result, value) => add(result, String(value), '') }, store)
    case 'cogroup':
      return group(one)
        .cogroup((result: string, value) => add(result, String(value), 'one'))
        .with(group(two), (result, value) => add(result, String(value), 'two'))
        .aggregate('', store)
  }
}

const define = (settings: TableSettings, app: App) => {
  const table = settings.views.reduce(
    (above, { verb, isStored }, i): Table => {
      const store = isStored ? { name: `view-${i}` } : undefined
      // A row that is mapped to null is none.
      return verb === 'filter' ? above.filter(passes, store) : (above.map(mapped, store) as Table)
    },
    madeBy(settings, app),
  )
  if (settings.end === 'rows') return table.toTopic(out)
  const side = (row: O.Option<string>): string => (O.isSome(row) ? row.value : 'null')
  return table
    .changes()
    .map(({ before, after }) => `${side(before)}>${side(after)}`)
    .toTopic(out)
}

const tables: Law<TableSettings> = {
  name: 'tables, their views and changes, ttl',
  inputs: [one, two],
  outputs: [out],
  settings: tableSettings,
  nulls: { values: 4 },
  words: ['x', 'y', 'z', ''],
  define: ({ settings, app }) => define(settings, app),
  judge: {
    kind: 'results',
    reference: (settings, taken) => {
      const isRead = ({ to }: { readonly to: string }): boolean => to === 'one' || settings.from === 'cogroup'
      const results = tableReference(settings, taken.filter(isRead))
      let at = 0
      return taken.map((record) => (isRead(record) ? (results[at++] ?? []) : []))
    },
  },
}

const suppressed: Law<SuppressSettings> = {
  name: 'suppress',
  inputs: [one],
  outputs: [out],
  settings: fc.record({ within: fc.constantFrom(0, 5, 15, 1000), maxKeys: fc.constantFrom(null, null, 1, 2) }),
  nulls: { values: 4 },
  define: ({ settings: { within, maxKeys }, app }) =>
    app
      .table(rowsOf('one'))
      .suppress({ within, ...(maxKeys !== null && { maxKeys }) })
      .toTopic(out),
  judge: { kind: 'results', reference: suppressReference },
}

const distinct: Law<DistinctSettings> = {
  name: 'distinct',
  inputs: [one],
  outputs: [out],
  settings: fc.record({ within: fc.constantFrom(1, 5, 15) }),
  words: ['x', 'y'],
  define: ({ settings: { within }, app }) =>
    app
      .stream(one)
      .distinct({ within, by: (value) => value?.charAt(0) })
      .toTopic(out),
  judge: { kind: 'results', reference: distinctReference },
}

/** By the first letter of the value: what is counted lies at another key than it came with. */
const numbers = topic('out', { key: codec.string, value: codec.json<unknown>(), partitions: 1 })
interface ElsewhereSettings {
  readonly verb: 'groupBy' | 'table groupBy'
  readonly fold: 'count' | 'values'
}
const letter = (value: string | null): string => value?.charAt(0) ?? ''
type Bag = Readonly<Record<string, number>>
const bag = {
  empty: {} as Bag,
  add: (all: Bag, value: string | null): Bag => changed(all, String(value), 1),
  remove: (all: Bag, value: string | null): Bag => changed(all, String(value), -1),
}
const changed = (all: Bag, value: string, by: number): Bag => {
  const next: Record<string, number> = { ...all, [value]: (all[value] ?? 0) + by }
  return Object.fromEntries(
    Object.entries(next)
      .filter(([, n]) => n !== 0)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

const elsewhere: Law<ElsewhereSettings> = {
  name: 'groups by another key, of streams and of tables',
  inputs: [one],
  outputs: [numbers],
  settings: fc.record({ verb: fc.constantFrom('groupBy', 'table groupBy'), fold: fc.constantFrom('count', 'values') }),
  nulls: { values: 3 },
  words: ['x', 'y', 'z', '-'],
  isRepartitioned: true,
  define: ({ settings: { verb, fold }, app }) => {
    if (verb === 'groupBy') {
      const group = app.stream(one).groupBy((value) => (letter(value) === '-' ? null : letter(value)), codec.nullable(codec.string))
      return (fold === 'count' ? group.count() : group.aggregate(bag)).toTopic(numbers)
    }
    const group = app
      .table(rowsOf('one'))
      .groupBy((value) => (letter(value) === '-' ? null : [letter(value), value]), codec.string, codec.string)
    return (fold === 'count' ? group.count() : group.aggregate(bag)).toTopic(numbers)
  },
  judge: {
    kind: 'rows',
    reference: ({ verb, fold }, sent) => {
      const groups = new Map<string, unknown>()
      const read = sent.filter(({ key, value }) => (verb === 'groupBy' ? true : key !== null) && value !== null && letter(value) !== '-')
      const last = new Map(sent.map(({ key, value }) => [key, value]))
      for (const name of new Set(read.map(({ value }) => letter(value)))) {
        const all = verb === 'groupBy' ? read.map(({ value }) => value) : [...last].flatMap(([key, value]) => (key === null ? [] : [value]))
        const mine = all.filter((value) => letter(value) === name)
        groups.set(name, fold === 'count' ? mine.length : mine.reduce(bag.add, bag.empty))
      }
      return groups
    },
  },
}

export const tableLaws: readonly AnyLaw[] = [tables, suppressed, distinct, elsewhere]

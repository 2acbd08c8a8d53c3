import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import * as Th from 'fp-ts/lib/These.js'
import { codec, topic, type KTable } from '../../lib/index.js'
import { input, output, type AnyLaw, type Law } from './law.js'
import {
  streamTableReference,
  tableJoinReference,
  type JoinKind,
  type StreamTableSettings,
  type TableJoinSettings,
} from './table-joins-reference.js'
import { rowsOf } from './tables.js'

const [left, right, out] = [input('left'), input('right'), output('out')]
type Table = KTable<string | null, string>

const keep = (history: number | null) => (history === null ? {} : { history })
const joined = (l: Table, r: Table, { kind, isStored }: TableJoinSettings): Table => {
  const store = isStored ? { name: 'stored' } : undefined
  switch (kind) {
    case 'inner':
      return l.join(r, (a, b) => `${a}/${b}`, store)
    case 'left':
      return l.leftJoin(r, (a, b) => `${a}/${O.isSome(b) ? b.value : '-'}`, store)
    case 'outer':
      return l.outerJoin(
        r,
        Th.match(
          (a) => `${a}/-`,
          (b) => `-/${b}`,
          (a, b) => `${a}/${b}`,
        ),
        store,
      )
  }
}

const ofTables: Law<TableJoinSettings> = {
  name: 'joins of tables',
  inputs: [left, right],
  outputs: [out],
  settings: fc.record({
    kind: fc.constantFrom<JoinKind[]>('inner', 'left', 'outer'),
    isStored: fc.boolean(),
    leftHistory: fc.constantFrom(null, null, 5, 30),
    rightHistory: fc.constantFrom(null, null, 5, 30),
  }),
  nulls: { values: 5 },
  keys: { left: ['a', 'b'], right: ['a', 'b'] },
  define: ({ settings, app }) => {
    const [l, r] = [app.table(rowsOf('left'), keep(settings.leftHistory)), app.table(rowsOf('right'), keep(settings.rightHistory))]
    return joined(l, r, settings).toTopic(out)
  },
  judge: { kind: 'results', reference: tableJoinReference },
}

const ofStreamAndTable: Law<StreamTableSettings> = {
  name: 'joins of a stream and a table, as of a time where it has versions',
  inputs: [left, right],
  outputs: [out],
  settings: fc
    .record({
      kind: fc.constantFrom('inner' as const, 'left' as const),
      history: fc.constantFrom(null, 10, 20, 100),
      grace: fc.constantFrom(null, 0, 3, 10),
    })
    .map((settings) => (settings.history === null ? { ...settings, grace: null } : settings)),
  nulls: { values: 3 },
  define: ({ settings: { kind, history, grace }, app }) => {
    const [stream, table] = [app.stream(left), app.table(rowsOf('right'), keep(history))]
    const options = grace === null ? {} : { grace }
    const result =
      kind === 'inner'
        ? stream.join(table, (l, r) => `${l}/${r}`, options)
        : stream.leftJoin(table, (l, r) => `${l}/${O.isSome(r) ? r.value : '-'}`, options)
    return result.toTopic(out)
  },
  judge: { kind: 'results', reference: streamTableReference },
}

/** The first letter of a row is the key on the right; `?`: none. */
const foreign = (row: string): string | null => (row.startsWith('?') ? null : row.charAt(0))
interface ForeignSettings {
  readonly kind: 'inner' | 'left'
}
const foreignKey: Law<ForeignSettings> = {
  name: 'joins of tables by foreign key',
  inputs: [left, input('right', 2)],
  outputs: [out],
  settings: fc.record({ kind: fc.constantFrom('inner' as const, 'left' as const) }),
  nulls: { values: 4 },
  keys: { left: ['a', 'b', 'c'], right: ['x', 'y', 'z'] },
  words: ['x', 'y', 'z', '?'],
  isRepartitioned: true,
  define: ({ settings: { kind }, app }) => {
    const [l, r] = [app.table(rowsOf('left')), app.table(rowsOf('right', 2))]
    const result =
      kind === 'inner'
        ? l.joinOn(r, foreign, (a, b) => `${a}/${b}`)
        : l.leftJoinOn(r, foreign, (a, b) => `${a}/${O.isSome(b) ? b.value : '-'}`)
    return result.toTopic(out)
  },
  judge: {
    kind: 'rows',
    reference: ({ kind }, sent) => {
      const rows = (name: string) => {
        const all = new Map<string, string>()
        for (const { to, key, value } of sent) {
          if (to !== name || key === null) continue
          if (value === null) all.delete(key)
          else all.set(key, value)
        }
        return all
      }
      const rights = rows('right')
      const results = [...rows('left')].flatMap(([key, row]): [string, string][] => {
        const found = rights.get(foreign(row) ?? '')
        return found === undefined && kind === 'inner' ? [] : [[key, `${row}/${found ?? '-'}`]]
      })
      return new Map(results)
    },
  },
}

interface GlobalSettings {
  readonly kind: 'inner' | 'left'
}
const globals = topic('right', { key: codec.nullable(codec.string), value: codec.string })
const withGlobalTable: Law<GlobalSettings> = {
  name: 'joins of a stream and a global table',
  inputs: [left, right],
  outputs: [out],
  settings: fc.record({ kind: fc.constantFrom('inner' as const, 'left' as const) }),
  nulls: { values: 3 },
  keys: { left: ['a', 'b', 'c'], right: ['x', 'y', 'z'] },
  words: ['x', 'y', 'z', '?'],
  everywhere: 'right',
  define: ({ settings: { kind }, app }) => {
    const [stream, table] = [app.stream(left), app.globalTable(globals)]
    const on = (value: string | null) => foreign(String(value))
    const result =
      kind === 'inner'
        ? stream.join(table, on, (l, r) => `${l}/${r}`)
        : stream.leftJoin(table, on, (l, r) => `${l}/${O.isSome(r) ? r.value : '-'}`)
    return result.toTopic(out)
  },
  judge: {
    kind: 'results',
    reference: ({ kind }, taken) => {
      const rows = new Map<string, string>()
      return taken.map(({ to, key, value, time }) => {
        if (to === 'right') {
          if (key !== null && value === null) rows.delete(key)
          else if (key !== null && value !== null) rows.set(key, value)
          return []
        }
        if (value === null) return []
        const row = rows.get(foreign(value) ?? '')
        return row === undefined && kind === 'inner' ? [] : [['out', key, `${value}/${row ?? '-'}`, time]]
      })
    },
  },
}

export const tableJoinLaws: readonly AnyLaw[] = [ofTables, ofStreamAndTable, foreignKey, withGlobalTable]

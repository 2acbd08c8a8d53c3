import { MillraceError } from '../core/errors.js'
import { joinGlobal } from '../join/stream-global.js'
import { joinTable } from '../join/stream-table.js'
import { byKey } from './by-key.js'
import { commonFormat, globalLaneOf, innerJson, tableLaneOf, type AnyFn, type GlobalLane, type Lane, type TableLane } from './lane.js'

export type TableVerb = 'join' | 'leftJoin'
type Verb = TableVerb

/** `f` joins; behind a global table the first lambda selects the key and the second joins. */
export const joinedTable = (lane: Lane, right: object, verb: Verb, first: AnyFn, second: AnyFn | undefined): Lane => {
  const global = globalLaneOf(right, lane.scope)
  if (global === null) return withTable(lane, tableLaneOf(right, lane.scope), verb, first)
  if (second !== undefined) return withGlobal(lane, global, verb, first, second)
  throw new MillraceError('MR_CONFIG', `${verb}: a global table is joined by a key chosen per record: ${verb}(table, on, f)`)
}

const withTable = (left: Lane, right: TableLane, verb: Verb, join: AnyFn): Lane => {
  const lane = byKey(left, verb)
  if (commonFormat([lane.key, right.key]) === null) {
    throw new MillraceError(
      'MR_KEY_CODEC',
      `${verb}: the keys of ${left.stem} are ${lane.key.name}, those of ${right.name} are ${right.key.name}`,
    )
  }
  const options = { lookup: right.lookup, label: verb }
  const operator = verb === 'join' ? joinTable({ ...options, left: false, join }) : joinTable({ ...options, left: true, join })
  const node = lane.scope.graph.operator(lane.port, operator, { reads: [right.owner], takesNullKeys: verb === 'leftJoin' })
  return { ...lane, port: { node, branch: 0 }, value: innerJson }
}

const withGlobal = (lane: Lane, { spec }: GlobalLane, verb: Verb, on: AnyFn, join: AnyFn): Lane => {
  const options = { table: spec.name, on, label: verb }
  const operator = verb === 'join' ? joinGlobal({ ...options, left: false, join }) : joinGlobal({ ...options, left: true, join })
  const node = lane.scope.graph.operator(lane.port, operator, { globals: [spec] })
  return { ...lane, port: { node, branch: 0 }, value: innerJson }
}

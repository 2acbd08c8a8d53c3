import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import { heldSpec, joinTableHeld } from '../join/held-stream-table.js'
import type { TableJoiner } from '../join/probe.js'
import { joinGlobal } from '../join/stream-global.js'
import { joinTable } from '../join/stream-table.js'
import { checkName, heldName } from '../topology/names.js'
import { byKey, type KeyedLane } from './by-key.js'
import {
  commonFormat,
  globalLaneOf,
  innerJson,
  tableLaneOf,
  writable,
  type AnyFn,
  type GlobalLane,
  type Lane,
  type TableLane,
} from './lane.js'
import type { TableJoinOptions } from './surface.js'

export type TableVerb = 'join' | 'leftJoin'
type Verb = TableVerb

/** `f` joins; behind a global table the first lambda selects the key and the second joins. */
export const joinedTable = (lane: Lane, right: object, verb: Verb, first: AnyFn, second: AnyFn | TableJoinOptions | undefined): Lane => {
  const global = globalLaneOf(right, lane.scope)
  if (global === null) return withTable(lane, tableLaneOf(right, lane.scope), verb, first, typeof second === 'object' ? second : {})
  if (typeof second === 'function') return withGlobal(lane, global, verb, first, second)
  throw new MillraceError('MR_CONFIG', `${verb}: a global table is joined by a key chosen per record: ${verb}(table, on, f)`)
}

const withTable = (left: Lane, right: TableLane, verb: Verb, join: AnyFn, { grace, name }: TableJoinOptions): Lane => {
  const lane = byKey(left, verb)
  if (commonFormat([lane.key, right.key]) === null) {
    throw new MillraceError(
      'MR_KEY_CODEC',
      `${verb}: the keys of ${left.stem} are ${lane.key.name}, those of ${right.name} are ${right.key.name}`,
    )
  }
  const graceMs = graceOf(grace, right, verb)
  if (graceMs > 0) return held(lane, right, verb, join, { graceMs, name })
  if (name !== undefined)
    throw new MillraceError('MR_CONFIG', `${verb}: the name is that of the records that grace holds, and there is no grace`)
  const options = { lookup: right.lookup, label: verb }
  const operator = verb === 'join' ? joinTable({ ...options, left: false, join }) : joinTable({ ...options, left: true, join })
  const node = lane.scope.graph.operator(lane.port, operator, { reads: [right.owner], takesNullKeys: verb === 'leftJoin' })
  return { ...lane, port: { node, branch: 0 }, value: innerJson }
}

/** Without grace nothing is held: a record is due as it comes. */
const graceOf = (grace: Duration | undefined, right: TableLane, verb: Verb): number => {
  if (grace === undefined) return 0
  const graceMs = durationMs(grace, `${verb}: grace`)
  if (right.historyMs === undefined)
    throw new MillraceError('MR_CONFIG', `${verb}: grace needs a versioned table: app.table(${right.name}, { history })`)
  if (right.historyMs >= graceMs) return graceMs
  throw new MillraceError(
    'MR_CONFIG',
    `${verb}: grace is ${graceMs} ms, and table ${right.name} knows what its rows were for ${right.historyMs} ms only`,
  )
}

interface HeldOptions {
  readonly graceMs: number
  readonly name: string | undefined
}

const held = (lane: KeyedLane, right: TableLane, verb: Verb, join: AnyFn, { graceMs, name: given }: HeldOptions): Lane => {
  const { key: keys } = lane
  const values = writable(lane.value, `the values of ${lane.stem}`)
  const name = given === undefined ? heldName(lane.stem, right.name) : checkName(given, `the name given to ${verb}`)
  const store = heldSpec(name, values)
  const joiner: TableJoiner<unknown, unknown, unknown, unknown> = verb === 'join' ? { left: false, join } : { left: true, join }
  const operator = joinTableHeld({ label: verb, joiner, lookup: right.lookup, graceMs, keys, values, store })
  const stores = [{ spec: store, source: null }]
  const node = lane.scope.graph.operator(lane.port, operator, { stores, reads: [right.owner], takesNullKeys: verb === 'leftJoin' })
  return { ...lane, port: { node, branch: 0 }, value: innerJson }
}

const withGlobal = (lane: Lane, { spec }: GlobalLane, verb: Verb, on: AnyFn, join: AnyFn): Lane => {
  const options = { table: spec.name, on, label: verb }
  const operator = verb === 'join' ? joinGlobal({ ...options, left: false, join }) : joinGlobal({ ...options, left: true, join })
  const node = lane.scope.graph.operator(lane.port, operator, { globals: [spec] })
  return { ...lane, port: { node, branch: 0 }, value: innerJson }
}

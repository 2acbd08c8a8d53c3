import type { Duration } from '../core/duration.js'
import { distinct, distinctSpec } from '../operators/distinct.js'
import { checkName, derivedName } from '../topology/names.js'
import { byKey } from './by-key.js'
import { writable, type AnyFn, type Lane } from './lane.js'

/** The stream goes by key, and is the same for the rest. */
export const distinctLane = (
  from: Lane,
  { within, by, name }: { within: Duration; by?: AnyFn | undefined; name?: string | undefined },
): Lane => {
  const lane = byKey(from, 'distinct')
  const storeName = name === undefined ? derivedName(lane.stem, 'distinct') : checkName(name, 'the name given to distinct')
  // Values that are compared by something else need not be written.
  const values = by === undefined ? writable(lane.value, `the values of ${lane.stem}`) : null
  const operator = distinct({ within, by: by ?? null, keys: lane.key, values, storeName })
  const node = lane.scope.graph.operator(lane.port, operator, { stores: [{ spec: distinctSpec(storeName), source: null }] })
  return { ...lane, port: { node, branch: 0 } }
}

import { MillraceError } from '../core/errors.js'
import { joinLookup, joinTables, sidedChange, type RowJoiner } from '../join/table-table.js'
import { materializeChange } from '../table/materialize.js'
import { joinedName } from '../topology/names.js'
import { parentsOf, type Node, type Port } from '../topology/node.js'
import { commonFormat, innerJson, type AnyCodec, type AnyFn, type TableLane } from './lane.js'
import { storeTable } from './store-table.js'
import type { StoreOptions } from './surface.js'

export type TableVerb = 'join' | 'leftJoin' | 'outerJoin'

/** Both tables' changes, told apart, and then as one into the join, which looks up the other side. */
export const joinedTables = <R>(
  left: TableLane,
  right: TableLane,
  verb: TableVerb,
  join: AnyFn,
  store: StoreOptions<R> | undefined,
): TableLane => {
  const { scope } = left
  const { graph } = scope
  const key = commonFormat([left.key, right.key])
  if (key === null) {
    throw new MillraceError(
      'MR_KEY_CODEC',
      `${verb}: the keys of ${left.name} are ${left.key.name}, those of ${right.name} are ${right.key.name}`,
    )
  }
  const sides = [
    graph.operator(left.port, sidedChange('left side', 'left')),
    graph.operator(right.port, sidedChange('right side', 'right')),
  ].map((node): Port => ({ node, branch: 0 }))
  const options = { label: verb, joiner: joinerOf(verb, join), left: left.lookup, right: right.lookup }
  // A change that comes by two ways comes twice, the first time with one side old: what was told before is then only known to a store.
  const isStored = store !== undefined || haveCommonAncestor(left.port.node, right.port.node)
  const operator = joinTables({ ...options, isStored })
  const owner = graph.operator({ node: graph.merge(sides), branch: 0 }, operator, { reads: [left.owner, right.owner] })
  const name = joinedName([left.name, right.name])
  const port: Port = { node: owner, branch: 0 }
  if (!isStored) {
    // It can be asked for rows whether or not something follows.
    graph.end(owner)
    return { ...left, port, name, value: innerJson, lookup: joinLookup(options), owner }
  }
  const rows = { scope, parent: port, name, key: key as AnyCodec, value: () => innerJson, label: verb }
  return storeTable({ ...rows, operator: (spec) => materializeChange(spec, verb) }, store)
}

/** The surface has typed the lambda by the verb. */
const joinerOf = (verb: TableVerb, join: AnyFn): RowJoiner<unknown, unknown, unknown> => {
  switch (verb) {
    case 'join':
      return { kind: 'inner', join }
    case 'leftJoin':
      return { kind: 'left', join }
    case 'outerJoin':
      return { kind: 'outer', join }
  }
}

const haveCommonAncestor = (a: Node, b: Node): boolean => {
  const above = ancestors(a)
  return [...ancestors(b)].some((node) => above.has(node))
}

const ancestors = (node: Node): ReadonlySet<Node> => {
  const found = new Set<Node>()
  const visit = (one: Node): void => {
    if (found.has(one)) return
    found.add(one)
    // What lies beyond a repartition topic comes one record at a time.
    if (one.kind !== 'repartition') for (const parent of parentsOf(one)) visit(parent.node)
  }
  visit(node)
  return found
}

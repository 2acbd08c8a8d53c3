import type { Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import { historyCodec } from '../table/history.js'
import { storeLookup } from '../table/lookup.js'
import { materializeVersions, versionedLookup } from '../table/versioned.js'
import { positive } from '../window/timing.js'
import { checkName } from '../topology/names.js'
import type { Port, SourceTopic, OperatorNode } from '../topology/node.js'
import type { Lookup, Operator, StoreSpec } from '../topology/operator.js'
import type { AnyCodec, Scope, TableLane } from './lane.js'
import type { StoreOptions } from './surface.js'

/* eslint-disable @typescript-eslint/no-explicit-any -- the plan erases record types */
export interface NewTable {
  readonly scope: Scope
  readonly parent: Port
  /** Unless the options give one. */
  readonly name: string
  readonly key: AnyCodec
  /** Unless the options give one. */
  readonly value: () => AnyCodec
  readonly label: string
  readonly operator: (store: StoreSpec<any, any>) => Operator
  /** Default: the rows of the store. */
  readonly lookup?: (store: StoreSpec<any, any>) => Lookup<any, any>
  /** A topic whose bytes are those of the rows. */
  readonly source?: SourceTopic | null
  /** Whose stores the verb reads. */
  readonly reads?: readonly OperatorNode[]
  /** Stores of the verb beside the rows. */
  readonly beside?: readonly StoreSpec<any, any>[]
}

/** A verb that owns a store, and the table of its rows. */
export const storeTable = (table: NewTable, options: StoreOptions<any> = {}): TableLane => {
  const { scope, key, label } = table
  const spec: StoreSpec<any, any> = Object.freeze({
    name: options.name === undefined ? table.name : checkName(options.name, `the name given to ${label}`),
    key,
    value: options.value ?? table.value(),
    kind: storeKind(options.store, label),
    ttlMs: ttlOf(options.ttl, label),
  })
  const owner = scope.graph.operator(table.parent, table.operator(spec), {
    label,
    reads: table.reads ?? [],
    stores: [{ spec, source: table.source ?? null }, ...(table.beside ?? []).map((other) => ({ spec: other, source: null }))],
  })
  return {
    scope,
    port: { node: owner, branch: 0 },
    name: spec.name,
    key,
    value: spec.value,
    lookup: (table.lookup ?? storeLookup)(spec),
    owner,
  }
}

/** A table of a topic that knows what its rows were: a key's whole history is one row, so it always has a changelog. */
export const versionedTable = (
  scope: Scope,
  parent: Port,
  topic: { readonly name: string; readonly key: AnyCodec; readonly value: AnyCodec },
  historyMs: number,
  options: StoreOptions<any>,
): TableLane => {
  const value = options.value ?? topic.value
  const { name, key } = topic
  refuseTtl(
    options,
    `table ${name}`,
    'its history is kept whole for the time that `history` says. Give the ttl to a table made of it: table.filter(() => true, { ttl })',
  )
  const lane = storeTable(
    {
      scope,
      parent,
      name,
      key,
      value: () => historyCodec(value),
      label: 'table',
      operator: (spec) => materializeVersions({ spec, historyMs }),
      lookup: (spec) => versionedLookup({ spec, historyMs }),
    },
    { ...options, value: historyCodec(value) },
  )
  return { ...lane, value, historyMs }
}
/* eslint-enable @typescript-eslint/no-explicit-any */

export const storeKind = (kind: string = 'lmdb', label: string): 'lmdb' | 'memory' => {
  if (kind === 'lmdb' || kind === 'memory') return kind
  throw new MillraceError('MR_CONFIG', `${label}: store is ${JSON.stringify(kind)}, not 'lmdb' or 'memory'`)
}

export const ttlOf = (ttl: Duration | undefined, label: string): number | undefined =>
  ttl === undefined ? undefined : positive(ttl, `${label}: ttl`)

/** Where rows must not go by themselves. */
export const refuseTtl = ({ ttl }: StoreOptions<unknown>, label: string, reason: string): void => {
  if (ttl !== undefined) throw new MillraceError('MR_CONFIG', `${label} takes no ttl: ${reason}`)
}

import { codec, sameCodec, type Codec, type Decoder } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import type { GlobalTableSpec, OperatorNode, Port } from '../topology/node.js'
import type { Lookup } from '../topology/operator.js'
import type { TopicSource } from '../topology/topic.js'
import type { Graph } from './graph.js'
import type { KGroup, KStream, KTable } from './surface.js'

/* eslint-disable @typescript-eslint/no-explicit-any -- the plan erases record types: variance positions */
export type AnyCodec = Codec<any>
/** A lambda that the surface has typed. */
export type AnyFn = (...args: any[]) => any
/** A topic may have been given decoders alone: then it can be read, not written. */
export type Format = Decoder<any> | AnyCodec

/**
 * The app a stream or table belongs to: where its verbs put nodes, and how they make what they return. The classes that
 * implement the surface know this, and so need not know each other.
 */
export interface Scope {
  readonly graph: Graph
  readonly stream: (lane: Lane) => KStream<any, any>
  readonly group: (lane: Lane) => KGroup<any, any>
  readonly table: (lane: TableLane) => KTable<any, any>
  /** A topic as `app.stream` reads it. */
  readonly read: (topic: TopicSource<any, any>) => Lane
}

/** A stream as the plan sees it: where its records come out, and what is known of them. */
export interface Lane {
  readonly scope: Scope
  readonly port: Port
  /** What names below it are derived from: see `topology/names.ts`. */
  readonly stem: string
  /** Null: a merge of inputs whose keys are written differently. */
  readonly key: Format | null
  /** How values are written inside the app. */
  readonly value: Format
  /** The name of the repartition topic that is due, because the key was replaced; null: records lie where their key says. */
  readonly rekeyed: string | null
}

/** A table as the plan sees it; what comes out of the port are `RowChange`s. */
export interface TableLane {
  readonly scope: Scope
  readonly port: Port
  readonly name: string
  readonly key: AnyCodec
  readonly value: AnyCodec
  /** Its rows, from its own store or from that of a table above. */
  readonly lookup: Lookup<any, any>
  /** Owns the store that `lookup` reads. */
  readonly owner: OperatorNode
  /** Versioned: how long its rows are known as they were. */
  readonly historyMs?: number | undefined
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** For values that a lambda made. Null is allowed: a stream may hold some, and a table leaves them out. */
export const innerJson: AnyCodec = codec.nullable(codec.json())

const isCodec = (format: Format): format is AnyCodec => 'encode' in format && typeof format.encode === 'function'

/** For what is to be written: `what` names it in the message. */
export const writable = (format: Format, what: string): AnyCodec => {
  if (isCodec(format)) return format
  throw new MillraceError(
    'MR_ENCODE',
    `${what} must be written to a topic or store of the app, but are read with a decoder that cannot write`,
  )
}

/** The format of all, when equal things have equal bytes in each: then those of the one that takes nulls, if any does. */
export const commonFormat = (formats: readonly Format[]): Format | null =>
  formats.find((candidate) => formats.every((other) => sameCodec(candidate, other) || takesWhat(candidate, other))) ?? null

const takesWhat = (nullable: Format, inner: Format): boolean => isCodec(inner) && sameCodec(nullable, codec.nullable(inner))

/** Rows and deletes: null is a tombstone. */
export const nullableFormat = (value: AnyCodec): AnyCodec => (sameCodec(value, innerJson) ? innerJson : codec.nullable(value))

export const isKeyless = (key: Format): boolean => sameCodec(key, codec.none)

/* -------------------------------------------------- from what the user holds to what the plan sees */

const lanes = new WeakMap<object, Lane>()
const tables = new WeakMap<object, TableLane>()
const globals = new WeakMap<object, GlobalLane>()
const groups = new WeakMap<object, Lane>()

export interface GlobalLane {
  readonly scope: Scope
  readonly spec: GlobalTableSpec
}

export const rememberStream = (stream: object, lane: Lane): void => void lanes.set(stream, lane)
export const rememberTable = (table: object, lane: TableLane): void => void tables.set(table, lane)
export const rememberGroup = (group: object, lane: Lane): void => void groups.set(group, lane)
export const rememberGlobal = (table: object, lane: GlobalLane): void => void globals.set(table, lane)

/** A stream given as an argument; of the same app as the one it is given to. */
export const laneOf = (stream: object, scope: Scope): Lane => ofApp(lanes.get(stream), scope, 'stream')
export const groupLaneOf = (group: object, scope: Scope): Lane => ofApp(groups.get(group), scope, 'group')
export const tableLaneOf = (table: object, scope: Scope): TableLane => ofApp(tables.get(table), scope, 'table')
export const isStream = (given: object): boolean => lanes.has(given)
/** Null: not a global table. */
export const globalLaneOf = (table: object, scope: Scope): GlobalLane | null => {
  const lane = globals.get(table)
  return lane === undefined ? null : ofApp(lane, scope, 'global table')
}

const ofApp = <L extends { readonly scope: Scope }>(lane: L | undefined, scope: Scope, what: string): L => {
  if (lane === undefined) throw new MillraceError('MR_CONFIG', `what was given to a verb is not a ${what} of millrace`)
  if (lane.scope === scope) return lane
  throw new MillraceError('MR_CONFIG', `what was given to a verb is a ${what} of another app, ${lane.scope.graph.appId}`)
}

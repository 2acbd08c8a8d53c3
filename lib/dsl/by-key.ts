import { MillraceError } from '../core/errors.js'
import { keyBy } from '../operators/key-by.js'
import { checkName, derivedName } from '../topology/names.js'
import { isKeyless, writable, type AnyCodec, type AnyFn, type Lane } from './lane.js'

/** A stream that lies where its keys say, and whose keys can be written. */
export interface KeyedLane extends Lane {
  readonly key: AnyCodec
  readonly rekeyed: null
}

/** Replaces the key and remembers that the records do not lie by it; nothing moves before a verb needs them to. */
export const rekey = (lane: Lane, verb: 'keyBy' | 'groupBy', f: AnyFn, key: AnyCodec, name: string | undefined): Lane => {
  const own = name === undefined ? derivedName(lane.stem, verb) : checkName(name, `the name given to ${verb}`)
  const node = lane.scope.graph.operator(lane.port, keyBy(f), { label: verb })
  return { ...lane, port: { node, branch: 0 }, stem: own, key, rekeyed: own }
}

const moved = new WeakMap<Lane, KeyedLane>()

/**
 * For a verb that goes by key: the stream itself, or what comes back from its repartition topic, which all such verbs on
 * the very same stream share.
 */
export const byKey = (lane: Lane, verb: string): KeyedLane => {
  const key = checkKey(lane, verb)
  if (lane.rekeyed === null) return { ...lane, key, rekeyed: null }
  const known = moved.get(lane)
  if (known) return known
  const made = repartitioned(lane, key, lane.rekeyed, { partitions: null, isExplicit: false })
  moved.set(lane, made)
  return made
}

/** The verb: always a topic of its own. */
export const repartition = (lane: Lane, options: { partitions?: number | undefined; name?: string | undefined } = {}): KeyedLane => {
  const { name, partitions } = options
  if (partitions !== undefined && !(Number.isInteger(partitions) && partitions > 0)) {
    throw new MillraceError('MR_CONFIG', `repartition: partitions is ${String(partitions)}, not a whole number above 0`)
  }
  const own = name === undefined ? (lane.rekeyed ?? lane.stem) : checkName(name, 'the name given to repartition')
  return repartitioned(lane, codecOfKeys(lane, 'repartition'), own, { partitions: partitions ?? null, isExplicit: true })
}

const repartitioned = (lane: Lane, key: AnyCodec, name: string, options: { partitions: number | null; isExplicit: boolean }): KeyedLane => {
  const value = writable(lane.value, `the values of ${lane.stem}`)
  const node = lane.scope.graph.repartition({ name, parents: [lane.port], key, value, ...options })
  return { ...lane, port: { node, branch: 0 }, stem: name, key, value, rekeyed: null }
}

/** Whether a verb can go by the key of a stream at all. */
export const checkKey = (lane: Lane, verb: string): AnyCodec => {
  if (lane.key !== null && isKeyless(lane.key)) throw new MillraceError('MR_KEY_NONE', `${verb}: ${lane.stem} is read without its keys`)
  return codecOfKeys(lane, verb)
}

const codecOfKeys = (lane: Lane, verb: string): AnyCodec => {
  if (lane.key === null) throw new MillraceError('MR_KEY_CODEC', `${verb}: the inputs of ${lane.stem} have different key codecs`)
  return writable(lane.key, `the keys of ${lane.stem}`)
}

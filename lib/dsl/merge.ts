import { mergedName } from '../topology/names.js'
import { commonFormat, innerJson, type Lane } from './lane.js'

/** Streams as one. What is known of all of them stays known. */
export const merged = (first: Lane, others: readonly Lane[]): Lane => {
  const lanes = [first, ...others]
  if (others.length === 0) return first
  const stem = mergedName(lanes.map((lane) => lane.stem))
  const node = first.scope.graph.merge(lanes.map((lane) => lane.port))
  const keys = lanes.map((lane) => lane.key).filter((key) => key !== null)
  return {
    scope: first.scope,
    port: { node, branch: 0 },
    stem,
    key: keys.length === lanes.length ? commonFormat(keys) : null,
    value: commonFormat(lanes.map((lane) => lane.value)) ?? innerJson,
    rekeyed: lanes.some((lane) => lane.rekeyed !== null) ? stem : null,
  }
}

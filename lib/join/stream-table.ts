import type { Lookup, PerRecord } from '../topology/operator.js'
import { probe, type TableJoiner } from './probe.js'

/**
 * Joins a stream with the row of its key; only the stream triggers. Without a row an inner join gives nothing, a left one none.
 * A null key: dropped by an inner join, without a row for a left one. A null value is dropped.
 */
export const joinTable = <K, V, W, R>(
  options: TableJoiner<K, V, W, R> & { readonly lookup: Lookup<K, W>; readonly label: string },
): PerRecord =>
  probe<K, V, K, W, R>(
    options.label,
    options,
    (task) => options.lookup.open(task),
    (_, meta) => meta.key,
  )

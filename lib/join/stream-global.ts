import type { Fn } from '../core/record.js'
import type { PerRecord } from '../topology/operator.js'
import { probe, type TableJoiner } from './probe.js'

/**
 * Joins a stream with the row of a global table that `on` selects; the stream's own key may be null. A selected key of
 * null: dropped by an inner join, without a row for a left one. A null value is dropped, and `on` does not see it.
 */
export const joinGlobal = <K, V, J, W, R>(
  options: TableJoiner<K, V, W, R> & { readonly table: string; readonly on: Fn<K, V, J | null>; readonly label: string },
): PerRecord => probe<K, V, J, W, R>(options.label, options, (task) => task.globalTable(options.table), options.on)

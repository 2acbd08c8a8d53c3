import type { Fn } from '../core/record.js'
import type { PerRecord } from '../topology/operator.js'
import { perRecord, settled } from './per-record.js'

/** Keeps the records whose value passes `keep`. */
export const filter = <K, V>(keep: Fn<K, V, boolean>): PerRecord =>
  perRecord('filter', (record, emit) => {
    if (settled(keep(record.value, record), 'filter')) emit(record)
  })

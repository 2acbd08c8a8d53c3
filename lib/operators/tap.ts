import type { Fn } from '../core/record.js'
import type { PerRecord } from '../topology/operator.js'
import { perRecord, settled } from './per-record.js'

/** Calls `f` and passes the record on as it is. */
export const tap = <K, V>(f: Fn<K, V, void>): PerRecord =>
  perRecord('tap', (record, emit) => {
    settled(f(record.value, record), 'tap')
    emit(record)
  })

import type { Fn } from '../core/record.js'
import type { PerRecord } from '../topology/operator.js'
import { perRecord, settled } from './per-record.js'

/** Replaces the key. Where the records go for it is the plan's business. */
export const keyBy = <K, V, J>(f: Fn<K, V, J>): PerRecord =>
  perRecord('keyBy', (record, emit) => {
    emit(record.withKey(settled(f(record.value, record), 'keyBy')))
  })

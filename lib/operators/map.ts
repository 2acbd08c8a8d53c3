import type { Fn } from '../core/record.js'
import type { PerRecord } from '../topology/operator.js'
import { perRecord, settled } from './per-record.js'

/** Replaces the value; key, timestamp and headers stay. */
export const map = <K, V, W>(f: Fn<K, V, W>): PerRecord =>
  perRecord('map', (record, emit) => {
    emit(record.withValue(settled(f(record.value, record), 'map')))
  })

import { MillraceError } from '../core/errors.js'
import type { Fn } from '../core/record.js'
import type { PerRecord } from '../topology/operator.js'
import { perRecord, settled } from './per-record.js'

/** Replaces the event time. Anything but a finite number >= 0 is a failure of the record. */
export const withTimestamp = <K, V>(f: Fn<K, V, number>): PerRecord =>
  perRecord('withTimestamp', (record, emit) => {
    const timestamp = settled(f(record.value, record), 'withTimestamp')
    if (!Number.isFinite(timestamp) || timestamp < 0) throw new MillraceError('MR_TIMESTAMP', `withTimestamp gave ${String(timestamp)}`)
    emit(record.withTimestamp(timestamp))
  })

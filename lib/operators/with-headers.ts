import { headersFrom, replaceHeaders, type KHeadersInit } from '../core/headers.js'
import type { Fn } from '../core/record.js'
import type { PerRecord } from '../topology/operator.js'
import { perRecord, settled } from './per-record.js'

/** Sets headers: one of the same name is replaced, the others stay. */
export const withHeaders = <K, V>(f: Fn<K, V, KHeadersInit>): PerRecord =>
  perRecord('withHeaders', (record, emit) => {
    const changes = headersFrom(settled(f(record.value, record), 'withHeaders'))
    emit(record.withHeaders(replaceHeaders(record.headers, changes)))
  })

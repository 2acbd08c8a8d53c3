import type { Fn } from '../core/record.js'
import type { PerRecord } from '../topology/operator.js'
import { perRecord, settled } from './per-record.js'

/** One record for each value of the iterable, in its order. */
export const flatMap = <K, V, W>(f: Fn<K, V, Iterable<W>>): PerRecord => ({
  ...perRecord('flatMap', (record, emit) => {
    for (const value of settled(f(record.value, record), 'flatMap')) emit(record.withValue(value))
  }),
  emitsMany: true,
})

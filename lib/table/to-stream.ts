import { perRecord } from '../operators/per-record.js'
import type { PerRecord, RowChange } from '../topology/operator.js'

/** The rows as they come: upserts, and null for a delete. */
export const toStream = (): PerRecord =>
  perRecord('toStream', (record, emit) => {
    const { after }: RowChange<unknown> = record.value
    emit(record.withValue(after ?? null))
  })

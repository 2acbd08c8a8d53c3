import { none, some, type Option } from 'fp-ts/lib/Option.js'
import { perRecord } from '../operators/per-record.js'
import type { PerRecord, RowChange } from '../topology/operator.js'

/**
 * A row of a table before and after a change: none before is an insert, none after a delete.
 * @since 0.1.0
 */
export interface Change<out V> {
  readonly before: Option<V>
  readonly after: Option<V>
}

/** Both sides of each change, as Options. */
export const changes = (): PerRecord =>
  perRecord('changes', (record, emit) => {
    const { before, after }: RowChange<unknown> = record.value
    const change: Change<unknown> = { before: sideOf(before), after: sideOf(after) }
    emit(record.withValue(change))
  })

const sideOf = (value: unknown): Option<unknown> => (value === undefined ? none : some(value))

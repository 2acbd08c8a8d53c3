import type { Fn } from '../core/record.js'
import type { Route } from '../topology/operator.js'
import { settled } from './per-record.js'

/** The first test that holds takes the record; the last branch, one more than there are tests, what is left. */
export const split = <K, V>(tests: readonly Fn<K, V, boolean>[]): Route => ({
  kind: 'route',
  label: 'split',
  branches: tests.length + 1,
  open: () => (record, emits) => {
    const taken = tests.findIndex((test) => settled(test(record.value, record), 'split'))
    emits[taken === -1 ? tests.length : taken]?.(record)
  },
})

import type { Either } from 'fp-ts/lib/Either.js'
import type { Fn } from '../core/record.js'
import type { Route } from '../topology/operator.js'
import { settled } from './per-record.js'

/** Branch 0 takes what is left of the Either, branch 1 what is right. */
export const mapEither = <K, V, E, W>(f: Fn<K, V, Either<E, W>>): Route => ({
  kind: 'route',
  label: 'mapEither',
  branches: 2,
  open: () => (record, emits) => {
    const either = settled(f(record.value, record), 'mapEither')
    if (either._tag === 'Left') emits[0]?.(record.withValue(either.left))
    else emits[1]?.(record.withValue(either.right))
  },
})

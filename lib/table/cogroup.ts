import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import type { Meta } from '../core/record.js'
import { perRecord } from '../operators/per-record.js'
import type { PerRecord } from '../topology/operator.js'
import type { Aggregator } from './aggregator.js'
import { isAbsent } from './row.js'

/** A value on its way to a result that several groups share: which of them it is from. */
export interface Added {
  readonly from: number
  readonly value: unknown
}
/* eslint-disable @typescript-eslint/no-explicit-any -- each group has values of its own type */
export type Adder<K, A> = (acc: A, value: any, meta: Meta<K>) => A

/** Nulls stay what they are: the aggregate drops and counts them. */
export const tagged = (from: number): PerRecord =>
  perRecord('cogroup', (record, emit) => {
    const { value }: { readonly value: unknown } = record
    const added: Added | null = isAbsent(value) ? null : { from, value }
    emit(record.withValue(added))
  })

export const cogrouped = <K, A>(empty: A, adders: readonly Adder<K, A>[]): Aggregator<K, Added, A> => ({
  empty,
  add: (acc, { from, value }, meta) => {
    const add = adders[from]
    if (add === undefined) throw new Error(`there is no group ${from}`)
    return add(acc, value, meta)
  },
})

export const addedValue = (added: Added): unknown => added.value

/** One byte for the group, then the value as its group writes it. */
export const addedCodec = (values: readonly Codec<any>[]): Codec<Added> => {
  const of = (from: number): Codec<any> => {
    const value = values[from]
    if (value === undefined) throw new Error(`there is no group ${from}`)
    return value
  }
  return {
    name: `cogrouped(${values.map(({ name }) => name).join(', ')})`,
    encode: ({ from, value }) => Buffer.concat([Buffer.of(from), of(from).encode(value) ?? Buffer.alloc(0)]),
    decode: (bytes) => {
      const all = asBuffer(bytes ?? Buffer.of(0))
      const from = all[0] ?? 0
      return { from, value: of(from).decode(all.subarray(1)) as unknown }
    },
  }
}
/* eslint-enable @typescript-eslint/no-explicit-any */

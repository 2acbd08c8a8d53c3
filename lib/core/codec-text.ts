import type { Decoder, Encoder } from './codec-port.js'

type FromText<A> = (text: string) => A
type ToText<A> = (value: A) => string

const readers = new WeakMap<object, FromText<unknown>>()
const writers = new WeakMap<object, ToText<never>>()

/** A codec of UTF-8 text: reading it from a string skips a Buffer for each record, which costs as much as the rest of it. */
export const withText = <C extends Decoder<A>, A>(codec: C, fromText: FromText<A>, toText?: ToText<A>): C => {
  readers.set(codec, fromText)
  if (toText) writers.set(codec, toText)
  return codec
}

/** What the codec writes as UTF-8, if it is known before that. */
export const toText = <A>(codec: Encoder<A>): ToText<A> | undefined =>
  // As below.
  writers.get(codec) as ToText<A> | undefined

/** How the codec reads text, if it is one of text. Null bytes are left to `decode`. */
export const fromText = <A>(codec: Decoder<A>): FromText<A> | undefined =>
  // `withText` has stored it under the same codec, and so with the same type.
  readers.get(codec) as FromText<A> | undefined

import type { Decoder } from './codec-port.js'

type FromText<A> = (text: string) => A

const readers = new WeakMap<object, FromText<unknown>>()

/** A codec of UTF-8 text: reading it from a string skips a Buffer for each record, which costs as much as the rest of it. */
export const withText = <C extends Decoder<A>, A>(codec: C, fromText: FromText<A>): C => {
  readers.set(codec, fromText)
  return codec
}

/** How the codec reads text, if it is one of text. Null bytes are left to `decode`. */
export const fromText = <A>(codec: Decoder<A>): FromText<A> | undefined =>
  // `withText` has stored it under the same codec, and so with the same type.
  readers.get(codec) as FromText<A> | undefined

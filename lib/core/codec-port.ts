/**
 * The writing half of a codec.
 *
 * **Throws** `MR_NULL` for a null it cannot write, `MR_ENCODE` for a value of another type.
 * @since 0.1.0
 */
export interface Encoder<in A> {
  /** `null` becomes a record without a key, or a tombstone. */
  encode(a: A): Uint8Array | null
}

/**
 * The reading half of a codec.
 *
 * **Throws** `MR_NULL` where bytes are missing, `MR_DECODE` where they do not fit, `MR_SCHEMA` where the value does not.
 * @since 0.1.0
 */
export interface Decoder<out A> {
  /** `bytes` may be a view into something larger that is used again: copy what outlives the call. */
  decode(bytes: Uint8Array | null): A
  /** Awaited once per batch before `decode`, for codecs that must look something up (a schema by its id). */
  prepare?(bytes: Uint8Array | null): Promise<void> | undefined
}

/**
 * How keys or values of one type are written as bytes. The built-in ones are in `codec`; one of your own is an object
 * with these three, and equal to another one only if it is the same object.
 *
 * @example
 * const date: Codec<Date> = {
 *   name: 'date',
 *   encode: (value) => codec.number.encode(value.getTime()),
 *   decode: (bytes) => new Date(codec.number.decode(bytes)),
 * }
 * @since 0.1.0
 */
export interface Codec<A> extends Encoder<A>, Decoder<A> {
  /** What `describe()` and error messages call it. */
  readonly name: string
}

/**
 * What zod, valibot, arktype and effect/schema all implement, so that none of them is a dependency.
 *
 * **Source** https://standardschema.dev
 * @since 0.1.0
 */
export interface StandardSchema<A> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    /** Gives `{ value }` or `{ issues }`. */
    readonly validate: (value: unknown) => unknown
    readonly types?: { readonly input: unknown; readonly output: A } | undefined
  }
}

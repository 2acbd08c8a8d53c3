import { isNone, none, some, type Option } from 'fp-ts/lib/Option.js'
import { asBuffer } from './bytes.js'
import { plainJson, schemaJson } from './codec-json.js'
import type { Codec, Decoder, StandardSchema } from './codec-port.js'
import { withShape } from './codec-shape.js'
import { withText } from './codec-text.js'
import { windowed } from './codec-windowed.js'
import type { Duration } from './duration.js'
import { MillraceError } from './errors.js'
import type { Windowed } from './record.js'

export type { Codec, Decoder, Encoder, StandardSchema } from './codec-port.js'
export { sameCodec } from './codec-shape.js'
export { lossless } from './codec-lossless.js'

const present = <A>(value: A, name: string): NonNullable<A> => {
  if (value === null || value === undefined) throw new MillraceError('MR_NULL', `there is no value where ${name} is expected`)
  return value
}
const wrongType = (value: unknown, name: string): MillraceError =>
  value === null
    ? new MillraceError('MR_NULL', `null is written with codec.${name}`)
    : new MillraceError('MR_ENCODE', `a value of type ${typeof value} is written with codec.${name}`)

const eightBytes = (bytes: Uint8Array | null, name: string): Buffer => {
  const all = present(bytes, name)
  if (all.length !== 8) throw new MillraceError('MR_DECODE', `${all.length} bytes were found where ${name} has 8`)
  return asBuffer(all)
}

const textOf = (value: string): string => {
  if (typeof value !== 'string') throw wrongType(value, 'string')
  return value
}

const string: Codec<string> = withText(
  Object.freeze({
    name: 'string',
    encode: (value: string) => Buffer.from(textOf(value), 'utf8'),
    decode: (bytes: Uint8Array | null) => asBuffer(present(bytes, 'string')).toString('utf8'),
  }),
  (text: string) => text,
  textOf,
)

const number: Codec<number> = Object.freeze({
  name: 'number',
  encode: (value: number) => {
    if (typeof value !== 'number') throw wrongType(value, 'number')
    const out = Buffer.allocUnsafe(8)
    out.writeDoubleBE(value)
    return out
  },
  decode: (bytes: Uint8Array | null) => eightBytes(bytes, 'number').readDoubleBE(),
})

const int64: Codec<bigint> = Object.freeze({
  name: 'int64',
  encode: (value: bigint) => {
    if (typeof value !== 'bigint') throw wrongType(value, 'int64')
    if (BigInt.asIntN(64, value) !== value)
      throw new MillraceError('MR_ENCODE', `${value} is written with codec.int64 and has more than 64 bits`)
    const out = Buffer.allocUnsafe(8)
    out.writeBigInt64BE(value)
    return out
  },
  decode: (bytes: Uint8Array | null) => eightBytes(bytes, 'int64').readBigInt64BE(),
})

const bytes: Codec<Uint8Array> = Object.freeze({
  name: 'bytes',
  encode: (value: Uint8Array) => {
    if (!(value instanceof Uint8Array)) throw wrongType(value, 'bytes')
    return value
  },
  // From the pool of Buffers: a typed array of its own costs four times as much.
  decode: (found: Uint8Array | null) => Buffer.from(present(found, 'bytes')),
})

const nothing: Codec<null> = Object.freeze({ name: 'none', encode: () => null, decode: () => null })

const nullable = <A>(inner: Codec<A>): Codec<A | null> =>
  withShape(
    {
      name: `nullable(${inner.name})`,
      encode: (value: A | null) => (value === null ? null : inner.encode(value)),
      decode: (found: Uint8Array | null) => (found === null ? null : inner.decode(found)),
      ...preparing(inner),
    },
    { kind: 'nullable', inner },
  )

const option = <A>(inner: Codec<A>): Codec<Option<A>> =>
  withShape(
    {
      name: `option(${inner.name})`,
      encode: (value: Option<A>) => (isNone(value) ? null : inner.encode(value.value)),
      decode: (found: Uint8Array | null) => (found === null ? none : some(inner.decode(found))),
      ...preparing(inner),
    },
    { kind: 'option', inner },
  )

const preparing = (inner: Decoder<unknown>): Pick<Decoder<unknown>, 'prepare'> => {
  const { prepare } = inner
  return prepare ? { prepare: (found) => (found === null ? undefined : prepare.call(inner, found)) } : {}
}

/**
 * The built-in codecs: how keys and values are written as bytes.
 *
 * | codec | bytes | a Java program reads it with |
 * |---|---|---|
 * | `string` | UTF-8 | `Serdes.String()` |
 * | `number` | IEEE double, 8 bytes big-endian | `Serdes.Double()` |
 * | `int64` | 64-bit integer, 8 bytes big-endian | `Serdes.Long()` |
 * | `bytes` | as they are | `Serdes.ByteArray()` |
 * | `none` | no bytes | `Serdes.Void()` |
 * | `json()` | JSON text in UTF-8 | |
 * | `nullable(c)`, `option(c)` | those of `c`, or no bytes | |
 * | `windowed(c, size)` | those of `c`, then the start | `TimeWindowedSerde` |
 * | `windowed(c)` | those of `c`, then the end and the start | `SessionWindowedSerde` |
 *
 * **Throws** when a record is read: `MR_NULL` (no bytes, and the codec has no form for that), `MR_DECODE`, `MR_SCHEMA`;
 * when one is written: `MR_NULL`, `MR_ENCODE`. All of them are failures of the record, for the `onError` policy.
 *
 * @example
 * const users = topic('users', { key: codec.string, value: codec.nullable(codec.json(z.object({ name: z.string() }))) })
 * @since 0.1.0
 */
export const codec: {
  /**
   * UTF-8. Bytes that are not UTF-8 become U+FFFD, and so does half a surrogate pair when written.
   *
   * **Source** Kafka's StringSerializer and StringDeserializer.
   */
  readonly string: Codec<string>
  /** IEEE double, 8 bytes big-endian, as Java's Double serde. */
  readonly number: Codec<number>
  /** 64-bit big-endian integer, as Java's Long serde. `MR_ENCODE` beyond 64 bits. */
  readonly int64: Codec<bigint>
  /** As they are; what is read is a copy of its own. */
  readonly bytes: Codec<Uint8Array>
  /** Keys that are absent, or not looked at: reads and writes null, whatever is there. */
  readonly none: Codec<null>
  /**
   * JSON. With a schema (zod, valibot, arktype ...: any Standard Schema) each value read is validated, and is what the schema
   * makes of it: `MR_SCHEMA` names path and issue. Without one nothing is checked, `A` is a claim. Values written are not validated.
   *
   * Null is not written (`MR_NULL`): as a record's value it would look like a deletion and be none. Wrap it in `nullable`.
   * What JSON does not give back (Date, Map, undefined in an object) is written as `JSON.stringify` does; `testContext` tells.
   */
  json<A = unknown>(): Codec<A>
  /** JSON, each value that is read validated by a schema: zod, valibot, arktype, any Standard Schema. */
  json<A>(schema: StandardSchema<A>): Codec<A>
  /** Null is no bytes: an absent key, a tombstone. */
  nullable<A>(c: Codec<A>): Codec<A | null>
  /** None is no bytes: an absent key, a tombstone. */
  option<A>(c: Codec<A>): Codec<Option<A>>
  /**
   * Keys of windowed tables. With `size`: Java's time-windowed key (key, start); the end is start + size, `MR_ENCODE` for any other.
   * Without: Java's session-windowed key (key, end, start), which any window fits.
   */
  windowed<K>(c: Codec<K>, size?: Duration): Codec<Windowed<K>>
} = Object.freeze({
  string,
  number,
  int64,
  bytes,
  none: nothing,
  // Nothing is checked without a schema: the type is the caller's claim, as with JSON.parse.
  json: <A>(schema?: StandardSchema<A>): Codec<A> => (schema === undefined ? (plainJson as Codec<A>) : schemaJson(schema)),
  nullable,
  option,
  windowed,
})

import type { Option } from 'fp-ts/lib/Option.js'
import type { Duration } from './duration.js'
import type { Windowed } from './record.js'
export interface Encoder<in A> { encode(a: A): Uint8Array | null }
export interface Decoder<out A> { decode(bytes: Uint8Array | null): A; prepare?(bytes: Uint8Array | null): Promise<void> | undefined }
export interface Codec<A> extends Encoder<A>, Decoder<A> { readonly name: string }
export interface StandardSchema<A> {
  readonly '~standard': { readonly version: 1; readonly vendor: string; readonly validate: (value: unknown) => unknown; readonly types?: { readonly input: unknown; readonly output: A } | undefined }
}
export type Codecs = { readonly windowed: <K>(c: Codec<K>, size?: Duration) => Codec<Windowed<K>>; readonly option: <A>(c: Codec<A>) => Codec<Option<A>> }

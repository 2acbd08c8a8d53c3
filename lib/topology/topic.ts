import { codec, type Codec, type Decoder, type Encoder } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import type { Fn } from '../core/record.js'
import { checkName } from './names.js'

/**
 * The writing half of a topic: a stream of dogs may go to a topic of animals.
 * @since 0.1.0
 */
export interface TopicSink<in K, in V> {
  readonly name: string
  readonly key: Encoder<K>
  readonly value: Encoder<V>
}

/**
 * The reading half of a topic. With decoders alone its records can be read and mapped; a verb that has to write them
 * (repartition, toTable) needs codecs.
 * @since 0.1.0
 */
export interface TopicSource<out K, out V> {
  readonly name: string
  readonly key: Decoder<K>
  readonly value: Decoder<V>
}

/**
 * A topic that is read and written, as made by `topic`.
 * @since 0.1.0
 */
export interface Topic<K, V> extends TopicSink<K, V>, TopicSource<K, V> {
  readonly key: Codec<K>
  readonly value: Codec<V>
}

/**
 * What a descriptor may say about its topic beside the codecs.
 * @since 0.1.0
 */
export interface TopicOptions<K, V> {
  /** Lets millrace create the topic with this many partitions if it is missing. The embedded log creates any topic, with 4. */
  partitions?: number | undefined
  /** Extra broker settings if millrace has to create it, e.g. { 'cleanup.policy': 'compact' }. */
  config?: Readonly<Record<string, string>> | undefined
  /** Event time, ms since the epoch. Default: the record's own timestamp. */
  timestamp?: Fn<K, V, number> | undefined
  /** Which partition a key goes to, from 0 on. Default: murmur2 of the key's bytes, as the Java client. */
  partition?: ((key: K, partitions: number) => number) | undefined
}

/**
 * An inert description of a topic; no connection. Keys default to strings or null, values to JSON.
 *
 * **Throws** `MR_NAME_INVALID` for a name Kafka does not take, `MR_CONFIG` for `partitions` that is not a whole number above 0.
 *
 * @example
 * const orders = topic('orders', { key: codec.string, value: codec.json<Order>(), timestamp: (order) => order.at })
 * @since 0.1.0
 */
export function topic<V = unknown>(name: string): Topic<string | null, V>
export function topic<K, V>(name: string, spec: TopicOptions<K, V> & { key: Codec<K>; value: Codec<V> }): Topic<K, V>
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the implementation of both overloads; each of them is exact
export function topic(name: string, spec?: TopicOptions<any, any> & { key: Codec<any>; value: Codec<any> }): Topic<any, any> {
  checkName(name, 'the name of a topic')
  const partitions = spec?.partitions
  if (partitions !== undefined && !(Number.isInteger(partitions) && partitions > 0)) {
    throw new MillraceError('MR_CONFIG', `topic ${name}: partitions is ${String(partitions)}, not a whole number above 0`)
  }
  return Object.freeze({
    key: codec.nullable(codec.string),
    value: codec.json(),
    ...spec,
    ...(spec?.config && { config: Object.freeze({ ...spec.config }) }),
    name,
  })
}

import type { KHeadersInit } from '../core/headers.js'
import type { SinkTopic } from '../topology/node.js'
import type { Topic } from '../topology/topic.js'

/**
 * Where a test puts records in.
 * @since 0.1.0
 */
export interface TestInput<K, V> {
  /** Processed to the end, internal topics included, before it resolves. `at` is the record's timestamp, default the clock's; a null value is a tombstone. */
  send(key: K, value: V | null, at?: number, headers?: KHeadersInit): Promise<void>
}

export interface InputContext {
  readonly now: () => number
  readonly write: (
    topic: SinkTopic,
    key: unknown,
    value: unknown,
    options: { readonly timestamp: number; readonly headers?: KHeadersInit | undefined },
  ) => Promise<void>
  readonly process: () => Promise<void>
}

export const createInput = <K, V>(topic: Topic<K, V>, { now, write, process }: InputContext): TestInput<K, V> => {
  const nullable: SinkTopic = {
    ...topic,
    key: topic.key,
    value: { encode: (value: V | null) => (value === null ? null : topic.value.encode(value)) },
  }
  return {
    async send(key, value, at = now(), headers = undefined) {
      await write(nullable, key, value, { timestamp: at, headers })
      await process()
    },
  }
}

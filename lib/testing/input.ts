import { MillraceError } from '../core/errors.js'
import type { KHeadersInit } from '../core/headers.js'
import type { SinkTopic } from '../topology/node.js'
import type { Topic } from '../topology/topic.js'
import { parseMarbles, type MarbleNames } from './marbles.js'

/**
 * Where a test puts records in.
 * @since 0.1.0
 */
export interface TestInput<K, V> {
  /** Processed to the end, internal topics included, before it resolves. `at` is the record's timestamp, default the clock's; a null value is a tombstone. */
  send(key: K, value: V | null, at?: number, headers?: KHeadersInit): Promise<void>
  /**
   * One record after the other, at the event times of an RxJS marble diagram: a frame is 1 ms from the epoch on, `5s` between spaces
   * lets time pass, a group `(ab)` is at one time and takes a frame per character, `@5s` goes to that time.
   *
   * @example
   * await t.input(clicks).marbles('a-b 5s c', { a: ['ada', 'home'], b: ['bob', 'cart'], c: ['ada', null] })
   */
  marbles(diagram: string, values: MarbleNames<K, V>): Promise<void>
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
  const send: TestInput<K, V>['send'] = async (key, value, at = now(), headers = undefined) => {
    await write(nullable, key, value, { timestamp: at, headers })
    await process()
  }
  return {
    send,
    async marbles(diagram, values) {
      for (const { name, at } of parseMarbles(diagram)) {
        const pair = values[name]
        if (pair === undefined) throw new MillraceError('MR_CONFIG', `the diagram ${diagram} has a ${name}, and nothing says what it is`)
        await send(pair[0], pair[1], at)
      }
    },
  }
}

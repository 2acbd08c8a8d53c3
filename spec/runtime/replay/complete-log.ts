import { codec } from '../../../lib/core/codec.js'
import { headersFrom } from '../../../lib/core/headers.js'
import { partitionOf } from '../../../lib/core/murmur2.js'
import { VirtualClock } from '../../../lib/testing/virtual-clock.js'
import { readBatch } from '../../../lib/transport/batch/reader.js'
import type { Log } from '../../../lib/transport/embedded/log.js'
import { createMemoryLog } from '../../../lib/transport/embedded/registry.js'
import { embeddedTransport } from '../../../lib/transport/embedded/transport.js'
import { partitions, type ReplayInputs, type Written } from './plan.js'

/** A log that is complete before anybody reads it; `atOnce` records in a batch, at most. */
export const completeLog = async (inputs: ReplayInputs, written: readonly Written[], atOnce: number): Promise<Log> => {
  const clock = new VirtualClock(0)
  const log = createMemoryLog({ clock })
  const transport = await embeddedTransport({ log, clock })
  await transport.createTopics(Object.values(inputs).map(({ name }) => ({ name, partitions, config: {} })))
  const producer = await transport.producer()
  for (let from = 0; from < written.length; from += atOnce) {
    const acknowledged = written.slice(from, from + atOnce).map(
      ({ to, key, value, time }) =>
        new Promise<void>((resolve, reject) => {
          const bytes = codec.string.encode(key) ?? Buffer.alloc(0)
          const record = {
            key: bytes,
            value: value === null ? null : Buffer.from(value),
            timestamp: time,
            headers: headersFrom({ of: value ?? '' }),
          }
          const at = { topic: inputs[to].name, partition: partitionOf(bytes, partitions) }
          producer.append(at, record, { delivered: () => resolve(), failed: reject }, null)
        }),
    )
    await Promise.all(acknowledged)
  }
  await transport.close()
  return log
}

/** What lies in each partition of each output, byte for byte. */
export const outputsOf = (outputs: Readonly<Record<string, { readonly name: string }>>, log: Log): ReadonlyMap<string, readonly string[]> =>
  new Map(
    Object.values(outputs).flatMap(({ name }) =>
      Array.from({ length: partitions }, (_, partition): [string, readonly string[]] => {
        const at = { topic: name, partition, offset: 0 }
        const chunk = log.partition(at).chunk(0, Infinity)
        const raws = (chunk?.batches ?? []).flatMap((batch) => readBatch(batch, 0, at))
        const hex = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : Buffer.from(bytes).toString('hex'))
        return [
          `${name}-${partition}`,
          raws.map(
            ({ key, value, timestamp, headers }) =>
              `${hex(key)} ${hex(value)} ${timestamp} ${JSON.stringify([...headers].map(([n, v]) => [n, hex(v)]))}`,
          ),
        ]
      }),
    ),
  )

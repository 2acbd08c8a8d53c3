import { systemClock } from '../lib/core/clock.js'
import { noHeaders } from '../lib/core/headers.js'
import { partitionOf } from '../lib/core/murmur2.js'
import type { App } from '../lib/dsl/surface.js'
import { RunnableApp } from '../lib/runtime/app.js'
import type { Log } from '../lib/transport/embedded/log.js'
import { createMemoryLog } from '../lib/transport/embedded/registry.js'
import { embeddedTransport } from '../lib/transport/embedded/transport.js'

/** A log in memory with one topic, filled. */
export const filledLog = async (
  name: string,
  partitions: number,
  count: number,
  recordOf: (i: number) => { readonly key: string; readonly value: Buffer; readonly timestamp: number },
): Promise<Log> => {
  const log = createMemoryLog({ clock: systemClock })
  const transport = await embeddedTransport({ log, clock: systemClock })
  await transport.createTopics([{ name, partitions, config: {} }])
  const producer = await transport.producer()
  for (let from = 0; from < count; from += 10_000) {
    await new Promise<void>((resolve, reject) => {
      const to = Math.min(count, from + 10_000)
      let left = to - from
      const delivery = { delivered: (n: number) => ((left -= n) === 0 ? resolve() : undefined), failed: reject }
      for (let i = from; i < to; i++) {
        const { key, value, timestamp } = recordOf(i)
        const bytes = Buffer.from(key)
        producer.append(
          { topic: name, partition: partitionOf(bytes, partitions) },
          { key: bytes, value, timestamp, headers: noHeaders },
          delivery,
          null,
        )
      }
      producer.flush()
    })
  }
  await transport.close()
  return log
}

let run = 0
let running: RunnableApp | null = null

/** From the start until all is read and committed. */
export const runApp = async (log: Log, define: (app: App) => unknown, stateDir: string): Promise<RunnableApp> => {
  const app = new RunnableApp(
    { id: `bench-${run++}`, stateDir },
    { transport: () => embeddedTransport({ log, clock: systemClock }), topicPartitions: 4 },
  )
  running = app
  define(app)
  await app.start()
  await app.settled()
  return app
}

export const stopApp = async (): Promise<void> => {
  await running?.stop()
  running = null
}

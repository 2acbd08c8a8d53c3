import { writeSync } from 'node:fs'
import { systemClock } from '../../../lib/core/clock.js'
import { noHeaders } from '../../../lib/core/headers.js'
import { embeddedTransport } from '../../../lib/transport/embedded/transport.js'

/** Produces until it is killed: the value of each record is the offset it should get. Prints what is acknowledged. */
const main = async (stateDir: string): Promise<void> => {
  const transport = await embeddedTransport({ stateDir, clock: systemClock })
  await transport.createTopics([{ name: 't', partitions: 2, config: {} }])
  const producer = await transport.producer()
  const [zero, one] = await transport.listOffsets(
    [0, 1].map((partition) => ({ topic: 't', partition })),
    'end',
  )
  const next = [zero?.offset ?? 0, one?.offset ?? 0]
  for (let turn = 0; ; turn++) {
    for (let i = 0; i <= turn % 7; i++) {
      const partition = (turn + i) % 2
      const offset = next[partition] ?? 0
      next[partition] = offset + 1
      producer.append(
        { topic: 't', partition },
        { key: null, value: Buffer.from(String(offset)), timestamp: turn, headers: noHeaders },
        {
          delivered: (_count, at, lastOffset) => writeSync(1, `${at.partition} ${lastOffset}\n`),
          failed: (error) => process.exit(Number(error.message.length)),
        },
        null,
      )
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

void main(process.argv[2] ?? '')

import { systemClock } from '../../../lib/core/clock.js'
import { noHeaders } from '../../../lib/core/headers.js'
import { BatchWriter } from '../../../lib/transport/batch/writer.js'
import { recordCount } from '../../../lib/transport/batch/header.js'
import { Connections } from '../../../lib/transport/kafkajs/connections.js'
import { initProducerIdV1, produceV7 } from '../../../lib/transport/kafkajs/requests.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { PartitionOffset, Transport } from '../../../lib/transport/port.js'
import { describeKafka, uniqueName } from '../../support/kafka/index.js'
import { groupOptions, Recorder } from '../recorder.js'

const config = {
  'cleanup.policy': 'compact',
  'segment.bytes': '1048576',
  'segment.ms': '1000',
  'max.compaction.lag.ms': '1000',
  'min.cleanable.dirty.ratio': '0.001',
  'delete.retention.ms': '100',
}
const value = Buffer.alloc(100, 7)

/** One batch as it stands, so that a whole one can be overwritten later. */
const write = async (connections: Connections, topic: string, keys: readonly string[], asProducer: boolean): Promise<void> => {
  const writer = new BatchWriter()
  for (const key of keys) writer.append({ key: Buffer.from(key), value, timestamp: Date.now(), headers: noHeaders })
  const id = asProducer ? await connections.sendToAny(initProducerIdV1()) : null
  const batch = writer.seal(id === null ? undefined : { ...id, baseSequence: 0 })
  const [answer] = await connections.sendTo(
    connections.leaderOf({ topic, partition: 0 }) ?? -1,
    produceV7([{ topic, partition: 0, batch }], 5000),
  )
  expect(answer?.errorCode).toBe(0)
}

const countTo = async (transport: Transport, from: PartitionOffset, end: number): Promise<{ records: number; chunks: number }> => {
  const reader = transport.read([from])
  let [records, chunks] = [0, 0]
  for (let next = from.offset; next < end;) {
    for (const chunk of await reader.next()) {
      records += chunk.batches.reduce((sum, batch) => sum + recordCount(batch), 0)
      next = chunk.nextOffset
      chunks += 1
    }
  }
  await reader.close()
  return { records, chunks }
}

describeKafka('a compacted topic', (kafka) => {
  let transport: Transport
  let connections: Connections
  afterEach(() => Promise.all([transport.close(), connections.close()]))

  it('is read past gaps and past a batch that was kept without its records', async () => {
    transport = kafkaTransport({ brokers: kafka().brokers, clientId: 'compacted', clock: systemClock })
    const topic = uniqueName('compacted')
    await transport.createTopics([{ name: topic, partitions: 1, config }])
    const settings = { brokers: kafka().brokers, clientId: 'compacted', kafka: {}, log: () => undefined, trouble: () => undefined }
    connections = Connections.capture(settings, systemClock)
    await connections.connect()
    await connections.addTopics([topic])
    const keys = Array.from({ length: 4999 }, (_, i) => `k${i}`)
    // The last batch of an idempotent producer is kept as a header when all of its records are gone.
    await write(connections, topic, ['first', ...keys], false)
    await write(connections, topic, keys, true)
    for (let i = 0; i < 5; i++) await write(connections, topic, keys, false)
    await write(connections, topic, ['end'], false)
    const at = { topic, partition: 0, offset: 0 }
    const end = (await transport.listOffsets([at], 'end'))[0]?.offset ?? 0

    let found = await countTo(transport, at, end)
    for (let round = 0; found.records > 5010; round++) {
      await new Promise((resolve) => setTimeout(resolve, 1100))
      await write(connections, topic, ['roll'], false)
      found = await countTo(transport, at, end)
    }

    expect(found.chunks).toBeLessThan(20)
    const recorder = new Recorder()
    await transport.join(groupOptions(uniqueName('compacted'), [topic]), recorder)
    await recorder.until(() => recorder.chunks.some((chunk) => chunk.nextOffset >= end))
    expect(recorder.chunks.length).toBeLessThan(20)
    expect(recorder.chunks.flatMap((chunk) => chunk.batches).some((batch) => recordCount(batch) === 0)).toBe(true)
    const read = recorder.records.map((record) => record.utf8Key()).filter((key) => key !== 'roll')
    expect(new Set(read)).toEqual(new Set(['first', ...keys, 'end']))
  })
})

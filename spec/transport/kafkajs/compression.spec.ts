import { systemClock } from '../../../lib/core/clock.js'
import type { Compression } from '../../../lib/transport/batch/compression.js'
import { compressionOf, recordCount } from '../../../lib/transport/batch/header.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { Transport } from '../../../lib/transport/port.js'
import { describeKafka, kafkaVersions, uniqueName } from '../../support/kafka/index.js'
import { readCommitted } from '../../support/kafka/read-committed.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, produce, readTo, Recorder } from '../recorder.js'

const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const records = Array.from({ length: 3000 }, (_, i) =>
  text(`key-${i % 40}`, `{"order":${i},"note":"${'a note, '.repeat(i % 12)}"}`, 1000 + i),
)
const values = records.map((record) => Buffer.from(record.value ?? []).toString())

const batchesOf = async (transport: Transport, topic: string, end: number): Promise<Buffer[]> => {
  const reader = transport.read([{ topic, partition: 0, offset: 0 }])
  const batches: Buffer[] = []
  for (let next = 0; next < end;) {
    for (const chunk of await reader.next()) {
      batches.push(...chunk.batches)
      next = chunk.nextOffset
    }
  }
  await reader.close()
  return batches
}

for (const version of Object.values(kafkaVersions)) {
  describeKafka(
    'a transport that compresses',
    (kafka) => {
      const withTransport = async (compression: Compression, use: (transport: Transport) => Promise<void>): Promise<void> => {
        const transport = kafkaTransport({ brokers: kafka().brokers, clientId: 'compresses', clock: systemClock, compression })
        await use(transport).finally(() => transport.close())
      }

      it.each(codecs)('has its batches of %s stored as they are, read by the Java client and by us', async (compression) => {
        await withTransport(compression, async (transport) => {
          const topic = uniqueName('compressed')
          await transport.createTopics([{ name: topic, partitions: 1, config: {} }])

          const offsets = await produce(transport, { topic, partition: 0 }, records)

          expect(offsets).toEqual(records.map((_, i) => i))
          expect(new Set((await batchesOf(transport, topic, 3000)).map(compressionOf))).toEqual(new Set([compression]))
          const [java = []] = await readCommitted(kafka().brokers, [topic])
          expect(java.map(({ offset, value }) => [offset, value])).toEqual(values.map((value, i) => [i, value]))
          const { records: own } = await readTo(transport, { topic, partition: 0, offset: 0 }, 3000)
          expect(own.map((record) => record.utf8Value())).toEqual(values)
        })
      })

      it.each(codecs)(
        'splits batches of %s that are too large even so, in transactions too, and loses only what is too large',
        async (compression) => {
          await withTransport(compression, async (transport) => {
            const [input, topic] = [uniqueName('in'), uniqueName('split')]
            // Random letters, of which compression takes little away.
            let state = 1
            const noise = (length: number): string =>
              Array.from({ length }, () => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8).toString(36)).join('')
            await transport.createTopics([
              { name: input, partitions: 1, config: {} },
              { name: topic, partitions: 1, config: { 'max.message.bytes': '5000' } },
            ])
            const noisy = Array.from({ length: 300 }, (_, i) =>
              text(`${i}`, `an order of the customer ${noise(i === 111 ? 5000 : 40)}`, 1000 + i),
            )
            const kept = noisy.filter((_, i) => i !== 111).map((record) => Buffer.from(record.value ?? []).toString())

            const outcomes = await produce(transport, { topic, partition: 0 }, noisy)
            const recorder = new Recorder()
            recorder.startAt = () => null
            await transport.join(groupOptions(uniqueName('group'), [input]), recorder)
            const producer = await transport.transactionalProducer({ transactionalId: uniqueName('writer'), timeoutMs: 10_000 })
            const failed: unknown[] = []
            const transaction = producer.begin(recorder.member, [])
            noisy.forEach((record, i) =>
              transaction.append(
                { topic, partition: 0 },
                record,
                { delivered: () => undefined, failed: (_, origin) => failed.push(origin) },
                i,
              ),
            )
            await transaction.commit()

            expect(outcomes[111]).toMatchObject({ code: 'MR_RECORD_TOO_LARGE' })
            expect(failed).toEqual([111])
            const [java = []] = await readCommitted(kafka().brokers, [topic])
            expect(java.map(({ value }) => value)).toEqual([...kept, ...kept])
            const batches = await batchesOf(transport, topic, 598)
            expect(batches.filter((batch) => compressionOf(batch) === compression).length).toBeGreaterThan(2)
            expect(batches.filter((batch) => recordCount(batch) > 1).length).toBeGreaterThan(2)
          })
        },
      )

      it('packs records of 1 MiB that would not fit as they are', async () => {
        await withTransport('zstd', async (transport) => {
          const topic = uniqueName('packed')
          await transport.createTopics([{ name: topic, partitions: 1, config: {} }])
          const large = Array.from({ length: 5 }, (_, i) => text(`${i}`, `${i} `.repeat(524_288), 1000))

          expect(await produce(transport, { topic, partition: 0 }, large)).toEqual([0, 1, 2, 3, 4])
          const [java = []] = await readCommitted(kafka().brokers, [topic])
          expect(java.map(({ value }) => value?.length)).toEqual(large.map(() => 1024 * 1024))
        })
      })
    },
    { version },
  )
}

describe('kafkaTransport', () => {
  it('says before it starts that a codec cannot be loaded', () => {
    jest.isolateModules(() => {
      jest.doMock('lz4-napi', () => {
        throw new Error('no binding for this machine')
      })
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- a second copy, which has loaded nothing yet
      const fresh = require('../../../lib/transport/kafkajs/transport.js') as { kafkaTransport: typeof kafkaTransport }

      expect(() => fresh.kafkaTransport({ brokers: ['localhost:1'], clientId: 'c', clock: systemClock, compression: 'lz4' })).toThrow(
        expect.objectContaining({ code: 'MR_COMPRESSION', message: expect.stringContaining('lz4-napi') as string }),
      )
    })
  })
})

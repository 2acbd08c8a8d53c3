import { systemClock } from '../../../lib/core/clock.js'
import { isMillraceError, toError } from '../../../lib/core/errors.js'
import { Connections } from '../../../lib/transport/kafkajs/connections.js'
import { coordinates } from '../../../lib/transport/kafkajs/group-requests.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { CommittedOffset, Producer, Transport } from '../../../lib/transport/port.js'
import { describeKafka, startKafka, uniqueName, type KafkaHandle } from '../../support/kafka/index.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, readTo, Recorder } from '../recorder.js'

const partitions = [0, 1, 2]

/** Numbered records to all partitions; resolves when all are stored, rejects when one never will be. */
const append = (producer: Producer, topic: string, from: number, to: number): Promise<void> =>
  new Promise((resolve, reject) => {
    let left = (to - from) * partitions.length
    const delivered = (count: number): void => {
      left -= count
      if (left === 0) resolve()
    }
    for (let i = from; i < to; i++)
      for (const partition of partitions) producer.append({ topic, partition }, text('k', String(i)), { delivered, failed: reject }, null)
  })

const stored = (transport: Transport, topic: string): Promise<number[][]> =>
  Promise.all(
    partitions.map(async (partition) => {
      const end = (await transport.listOffsets([{ topic, partition }], 'end'))[0]?.offset ?? 0
      return (await readTo(transport, { topic, partition, offset: 0 }, end)).records.map((record) => Number(record.utf8Value()))
    }),
  )

const valuesOf = (recorder: Recorder, partition: number): number[] =>
  recorder.records.filter((record) => record.partition === partition).map((record) => Number(record.utf8Value()))

/** By whichever generation is the last: the group may be about to move on. */
const committed = async (recorder: Recorder, offset: CommittedOffset): Promise<void> => {
  for (;;) {
    const error: unknown = await recorder.member.commit([offset]).catch((thrown: unknown) => thrown)
    if (error === undefined) return
    if (!isMillraceError(error, 'MR_FENCED')) throw toError(error)
    await new Promise((next) => setImmediate(next))
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describeKafka(
  'a cluster of three that loses nodes',
  () => {
    let kafka: KafkaHandle
    let transport: Transport
    beforeAll(async () => {
      kafka = await startKafka({ nodes: 3 })
      transport = kafkaTransport({ brokers: kafka.brokers, clientId: 'failover', clock: systemClock })
    }, 180_000)
    afterAll(async () => {
      await transport.close()
      await kafka.stop()
    }, 30_000)

    it('knows a topic on every node when its creation resolves', async () => {
      const each = kafka.brokers.map((node) => kafkaTransport({ brokers: [node], clientId: 'failover', clock: systemClock }))
      const known: number[][] = []
      for (let round = 0; round < 10; round++) {
        const name = uniqueName('known')
        await transport.createTopics([{ name, partitions: 6, config: {} }])
        known.push(await Promise.all(each.map(async (one) => (await one.describeTopics([name])).size)))
      }
      await Promise.all(each.map((one) => one.close()))

      expect(known).toEqual(Array.from({ length: 10 }, () => [1, 1, 1]))
    }, 60_000)

    it('keeps order and count, and a member its generation unless its coordinator is gone', async () => {
      const [topic, group] = [uniqueName('failover'), uniqueName('failover')]
      await transport.createTopics([{ name: topic, partitions: 3, config: {} }])
      const producer = await transport.producer()
      const recorder = new Recorder()
      await transport.join(groupOptions(group, [topic]), recorder)
      const seen = (count: number) => () => partitions.every((partition) => valuesOf(recorder, partition).includes(count - 1))
      await append(producer, topic, 0, 100)
      await recorder.until(seen(100))

      const settings = { brokers: kafka.brokers, clientId: 'failover', kafka: {}, log: () => undefined, trouble: () => undefined }
      const connections = Connections.capture(settings, systemClock)
      await connections.connect()
      await connections.addTopics([topic])
      const coordinator = (await connections.findCoordinator(group, coordinates.group)).nodeId ?? 0
      const leader =
        partitions.map((partition) => connections.leaderOf({ topic, partition }) ?? 0).find((node) => node !== coordinator) ?? 0
      await connections.close()

      await kafka.kill(leader - 1)
      await append(producer, topic, 100, 200)
      await recorder.until(seen(200))
      expect(recorder.generations).toHaveLength(1)
      expect(partitions.map((partition) => valuesOf(recorder, partition))).toEqual(partitions.map(() => upTo(200)))
      await kafka.restart(leader - 1)

      await kafka.kill(coordinator - 1)
      await append(producer, topic, 200, 300)
      await recorder.until(seen(300))
      await recorder.until(() => recorder.member.isAlive())

      expect(await stored(transport, topic)).toEqual(partitions.map(() => upTo(300)))
      expect(recorder.events.filter((event) => event.startsWith('failed'))).toEqual([])
      await committed(recorder, { topic, partition: 0, offset: 300, metadata: '' })
    }, 120_000)
  },
  { ownCluster: true },
)

import { systemClock } from '../../../lib/core/clock.js'
import { Connections } from '../../../lib/transport/kafkajs/connections.js'
import { Generation } from '../../../lib/transport/kafkajs/generation.js'
import { coordinates } from '../../../lib/transport/kafkajs/group-requests.js'
import { addOffsetsToTxnV1, txnOffsetCommitV3 } from '../../../lib/transport/kafkajs/transaction-requests.js'
import { KafkaTransactionalProducer } from '../../../lib/transport/kafkajs/transactional-producer.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { CommittedOffset } from '../../../lib/transport/port.js'
import { describeKafka, kafkaVersions, startKafka, uniqueName, type KafkaHandle } from '../../support/kafka/index.js'
import { groupOptions, Recorder } from '../recorder.js'

/**
 * A broker that died between deciding a commit and marking it was seen never to mark the offsets when it came back. Here the same
 * is made of offsets that belong to no transaction, which a broker takes where it does not ask the coordinator.
 */
describe.each(Object.values(kafkaVersions))('on Kafka %s', (version) => {
  describeKafka(
    'offsets whose marker a broker has forgotten',
    () => {
      let kafka: KafkaHandle
      beforeAll(async () => {
        kafka = await startKafka({ version, props: { 'transaction.partition.verification.enable': 'false' } })
      }, 120_000)
      afterAll(() => kafka.stop())

      it('are set free by their producer, which knows or learns how they ended, and said to be held back', async () => {
        const troubles: string[] = []
        const { brokers } = kafka
        const transport = kafkaTransport({
          brokers,
          clientId: 'forgotten',
          clock: systemClock,
          onTrouble: ({ error }) => troubles.push(error.message),
        })
        const [topic, group] = [uniqueName('forgotten'), uniqueName('forgotten')]
        await transport.createTopics([{ name: topic, partitions: 1, config: {} }])
        const recorder = new Recorder()
        await transport.join(groupOptions(group, [topic]), recorder)
        const producer = await transport.transactionalProducer({ transactionalId: uniqueName('writer'), timeoutMs: 10_000 })
        const { member } = recorder
        if (!(producer instanceof KafkaTransactionalProducer && member instanceof Generation)) throw new TypeError('not on Kafka')
        const offset = (at: number): CommittedOffset => ({ topic, partition: 0, offset: at, metadata: '' })
        await producer.begin(member, [offset(1)]).commit()
        // Its own marker is in the log by then.
        expect(await member.committed([{ topic, partition: 0 }])).toEqual([offset(1)])

        /** As if the transaction had ended, and its marker had not been written. */
        const forget = async (at: number): Promise<void> => {
          const { writer } = await producer.current()
          producer.ended()
          const settings = { brokers, clientId: 'forgotten', kafka: {}, log: () => undefined, trouble: () => undefined }
          const connections = Connections.capture(settings, systemClock)
          await connections.connect()
          const coordinator = await connections.findCoordinator(group, coordinates.group)
          const answer = await connections.send(coordinator, txnOffsetCommitV3(writer, member.identity, [offset(at)]))
          await connections.close()
          expect(answer).toMatchObject([{ errorCode: 0 }])
        }
        await forget(7)
        expect(await member.committed([{ topic, partition: 0 }])).toEqual([offset(7)])
        expect(troubles.filter((message) => message.includes('a transaction has held back offsets'))).toHaveLength(1)

        await producer.begin(member, [offset(8)]).commit()
        expect(await member.committed([{ topic, partition: 0 }])).toEqual([offset(8)])

        // The answer to the end of the transaction has not come: the coordinator is asked how it stands.
        const epoch = await producer.current()
        producer.sendsOffsets()
        producer.renew(epoch)
        await forget(9)
        expect(await member.committed([{ topic, partition: 0 }])).toEqual([offset(9)])

        // It has not ended: it is aborted, and so is what was held back.
        const open = await producer.current()
        producer.sendsOffsets()
        const settings = { brokers, clientId: 'forgotten', kafka: {}, log: () => undefined, trouble: () => undefined }
        const connections = Connections.capture(settings, systemClock)
        await connections.connect()
        const coordinator = await connections.findCoordinator(open.transactionalId, coordinates.transactions)
        expect(await connections.send(coordinator, addOffsetsToTxnV1(open.writer, group))).toBe(0)
        await connections.close()
        producer.renew(open)
        await forget(10)
        expect(await member.committed([{ topic, partition: 0 }])).toEqual([offset(9)])
        await transport.close()
      }, 90_000)
    },
    { version, ownCluster: true },
  )
})

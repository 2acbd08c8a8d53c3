import { systemClock } from '../../../lib/core/clock.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import { certificate } from '../../support/kafka/certificate.js'
import { describeKafka, startKafka, uniqueName, type KafkaHandle } from '../../support/kafka/index.js'
import { freePorts } from '../../support/kafka/ports.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, produce, readTo, Recorder } from '../recorder.js'

const transportTo = (brokers: readonly string[], kafka: Readonly<Record<string, unknown>> = {}) =>
  kafkaTransport({ brokers, kafka, clientId: 'connecting', clock: systemClock })

describe('kafkaTransport', () => {
  it('refuses an empty list of brokers', () => {
    expect(() => transportTo([])).toThrow(expect.objectContaining({ code: 'MR_CONFIG' }))
  })

  it('rejects everything with MR_BROKER_UNREACHABLE where nobody listens', async () => {
    const [port = 0] = await freePorts(1)
    const transport = transportTo([`127.0.0.1:${port}`], { retry: { retries: 1 } })

    await expect(transport.describeTopics(['any'])).rejects.toMatchObject({ code: 'MR_BROKER_UNREACHABLE' })
    await expect(transport.producer()).rejects.toMatchObject({ code: 'MR_BROKER_UNREACHABLE' })
    await expect(transport.join(groupOptions('group', ['any']), new Recorder())).rejects.toMatchObject({ code: 'MR_BROKER_UNREACHABLE' })
    const reader = transport.read([{ topic: 'any', partition: 0, offset: 0 }])
    await expect(reader.next()).rejects.toMatchObject({ code: 'MR_BROKER_UNREACHABLE' })
    await transport.close()
  }, 30_000)
})

describeKafka('a missing topic', (kafka) => {
  it('is named by whoever needs it, and absent from descriptions', async () => {
    const transport = transportTo(kafka().brokers)

    await expect(transport.listOffsets([{ topic: 'not-there', partition: 0 }], 'end')).rejects.toMatchObject({ code: 'MR_TOPIC_MISSING' })
    await expect(transport.read([{ topic: 'not-there', partition: 0, offset: 0 }]).next()).rejects.toMatchObject({
      code: 'MR_TOPIC_MISSING',
    })
    expect((await transport.describeTopics(['not-there'])).size).toBe(0)
    await transport.close()
  })
})

describeKafka('createTopics', (kafka) => {
  it('leaves out a setting the broker does not know', async () => {
    const transport = transportTo(kafka().brokers)
    const name = uniqueName('settings')

    await transport.createTopics([{ name, partitions: 1, config: { 'no.such.setting': '1', 'cleanup.policy': 'compact' } }])

    expect((await transport.describeTopics([name])).get(name)?.isCompacted).toBe(true)
    await transport.close()
  })
})

describeKafka(
  'listeners that want credentials',
  () => {
    const keys = certificate()
    let kafka: KafkaHandle
    beforeAll(async () => {
      kafka = await startKafka({
        listeners: ['SASL_PLAINTEXT', 'SSL'],
        format: ['--add-scram', 'SCRAM-SHA-256=[name=alice,password=secret]'],
        props: {
          'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
          'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config':
            'org.apache.kafka.common.security.scram.ScramLoginModule required;',
          ...keys.props,
        },
      })
    }, 120_000)
    afterAll(async () => {
      await kafka.stop()
      keys.remove()
    })

    const roundTrip = async (brokers: readonly string[], settings: Readonly<Record<string, unknown>>): Promise<unknown> => {
      const transport = transportTo(brokers, settings)
      const at = { topic: uniqueName('secure'), partition: 0 }
      await transport.createTopics([{ name: at.topic, partitions: 1, config: {} }])
      await produce(transport, at, [text('k', 'v')])
      const recorder = new Recorder()
      await transport.join(groupOptions(uniqueName('secure'), [at.topic]), recorder)
      await recorder.until(() => recorder.values.length === 1)
      const { records } = await readTo(transport, { ...at, offset: 0 }, 1)
      await transport.close()
      return [recorder.values, records.map((record) => record.utf8Value())]
    }

    it('are passed with SCRAM', async () => {
      const sasl = { mechanism: 'scram-sha-256', username: 'alice', password: 'secret' }

      expect(await roundTrip(kafka.on('SASL_PLAINTEXT'), { sasl })).toEqual([['v'], ['v']])
    })

    it('are passed with TLS', async () => {
      expect(await roundTrip(kafka.on('SSL'), { ssl: { ca: [keys.pem] } })).toEqual([['v'], ['v']])
    })

    it('refuse a wrong password with MR_AUTHENTICATION', async () => {
      const sasl = { mechanism: 'scram-sha-256', username: 'alice', password: 'wrong' }
      const transport = transportTo(kafka.on('SASL_PLAINTEXT'), { sasl })

      await expect(transport.describeTopics(['any'])).rejects.toMatchObject({ code: 'MR_AUTHENTICATION' })
      await expect(transport.producer()).rejects.toMatchObject({ code: 'MR_AUTHENTICATION' })
      await expect(transport.join(groupOptions('group', ['any']), new Recorder())).rejects.toMatchObject({ code: 'MR_AUTHENTICATION' })
      await transport.close()
    })

    it('refuse a certificate nobody has vouched for with MR_AUTHENTICATION', async () => {
      const transport = transportTo(kafka.on('SSL'), { ssl: true })

      await expect(transport.describeTopics(['any'])).rejects.toMatchObject({ code: 'MR_AUTHENTICATION' })
      await transport.close()
    })
  },
  { ownCluster: true },
)

import { verdict } from '../crash/verdict.js'
import { certificate } from '../support/kafka/certificate.js'
import { describeKafka, startKafka, uniqueName, type KafkaHandle } from '../support/kafka/index.js'
import { FedApp } from './fed-app.js'
import { modes, Workplace } from './workplace.js'

const sasl = { mechanism: 'scram-sha-512', username: 'alice', password: 'secret' }

describeKafka(
  'an app on a listener with TLS and SASL/SCRAM',
  () => {
    const keys = certificate()
    let kafka: KafkaHandle
    beforeAll(async () => {
      kafka = await startKafka({
        listeners: ['SASL_SSL'],
        format: ['--add-scram', 'SCRAM-SHA-512=[name=alice,password=secret]'],
        props: {
          ...keys.props,
          'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
          'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        },
      })
    }, 120_000)
    afterAll(async () => {
      await kafka.stop()
      keys.remove()
    })

    it('keeps its promise, of at-least-once and of exactly-once', async () => {
      const secure = { brokers: kafka.on('SASL_SSL'), kafka: { ssl: { ca: [keys.pem] }, sasl } }
      const apps = await Promise.all(modes.map((mode) => FedApp.start(uniqueName(mode), mode, kafka.brokers, secure)))
      for (const app of apps) app.feed.start()
      await Promise.all(apps.map((app) => app.progress()))
      const works = await Promise.all(apps.map((app) => app.work()))
      await Promise.all(apps.map((app) => app.stop()))

      expect(works.map(({ written }) => written.every((records) => records.length > 0))).toEqual([true, true])
      expect(await verdict(kafka.brokers, works)).toEqual([])
    }, 60_000)

    it.each([
      ['a wrong password', { ssl: { ca: [keys.pem] }, sasl: { ...sasl, password: 'wrong' } }],
      ['a certificate nobody has vouched for', { ssl: true, sasl }],
    ])(
      'does not start with %s, and says so at once',
      async (_, settings) => {
        await using at = new Workplace(kafka.on('SASL_SSL'), 'exactly-once', { kafka: settings })
        const starting = at.start((app) => app.stream(at.text('in')).toTopic(at.text('out')))

        await expect(starting).rejects.toMatchObject({ code: 'MR_AUTHENTICATION' })
      },
      30_000,
    )
  },
  { ownCluster: true },
)

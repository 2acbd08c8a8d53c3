import { sleep, systemClock } from '../../../lib/core/clock.js'
import { toError } from '../../../lib/core/errors.js'
import { Connections } from '../../../lib/transport/kafkajs/connections.js'
import { toMillraceError } from '../../../lib/transport/kafkajs/errors.js'
import { coordinates } from '../../../lib/transport/kafkajs/group-requests.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import { within } from '../../../lib/transport/kafkajs/within.js'
import type { Producer, TopicPartition } from '../../../lib/transport/port.js'
import { describeKafka, startKafka, uniqueName, type KafkaHandle } from '../../support/kafka/index.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, readTo, Recorder } from '../recorder.js'

const append = (producer: Producer, at: TopicPartition, from: number, to: number): Promise<void> =>
  new Promise((resolve, reject) => {
    let left = to - from
    const delivered = (count: number): void => {
      left -= count
      if (left === 0) resolve()
    }
    for (let i = from; i < to; i++) producer.append(at, text('k', String(i)), { delivered, failed: reject }, null)
  })

const upTo = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i))

describeKafka(
  'a broker that falls silent',
  () => {
    let kafka: KafkaHandle
    beforeAll(async () => {
      kafka = await startKafka()
    }, 120_000)
    afterAll(async () => {
      await kafka.kill(0, 'SIGCONT')
      await kafka.stop()
    })

    it('is noticed in seconds, told of, and costs neither records nor the generation once it speaks again', async () => {
      const troubles: string[] = []
      const transport = kafkaTransport({
        brokers: kafka.brokers,
        clientId: 'silence',
        clock: systemClock,
        onTrouble: ({ kind, error }) => troubles.push(`${kind} ${error.message}`),
      })
      const at = { topic: uniqueName('silence'), partition: 0 }
      await transport.createTopics([{ name: at.topic, partitions: 1, config: {} }])
      const producer = await transport.producer()
      const recorder = new Recorder()
      await transport.join(groupOptions(uniqueName('silence'), [at.topic], { sessionTimeoutMs: 20_000 }), recorder)
      await append(producer, at, 0, 100)
      await recorder.until(() => recorder.values.length === 100)

      await kafka.kill(0, 'SIGSTOP')
      const stoppedAt = systemClock.now()
      const meanwhile = append(producer, at, 100, 200)
      while (!troubles.some((trouble) => trouble.startsWith('silence'))) await sleep(systemClock, 20)
      const noticedMs = systemClock.now() - stoppedAt
      await sleep(systemClock, Math.max(0, 10_000 - noticedMs))
      await kafka.kill(0, 'SIGCONT')
      await meanwhile
      await append(producer, at, 200, 300)
      await recorder.until(() => recorder.values.length >= 300)

      expect(noticedMs).toBeLessThan(9000)
      expect(recorder.values).toEqual(upTo(300))
      expect((await readTo(transport, { ...at, offset: 0 }, 300)).records.map((record) => record.utf8Value())).toEqual(upTo(300))
      expect(recorder.generations).toHaveLength(1)
      expect(recorder.events.filter((event) => event.startsWith('failed') || event === 'lost')).toEqual([])
      await transport.close()
    }, 90_000)

    it('is hung up on at once, and what it owes fails: also where kafkajs asked, which nothing of ours watches', async () => {
      const settings = { brokers: kafka.brokers, clientId: 'silence', kafka: {}, log: () => undefined, trouble: () => undefined }
      const connections = Connections.capture(settings, systemClock)
      await connections.connect()
      const coordinator = await connections.findCoordinator('none', coordinates.group)
      await kafka.kill(0, 'SIGSTOP')
      const owed = coordinator.syncGroup({ groupId: 'none', generationId: 1, memberId: 'nobody', groupAssignment: [] }).catch(toError)
      await sleep(systemClock, 100)

      const outcome = await within(systemClock, 5000, connections.cluster.disconnect())
      await kafka.kill(0, 'SIGCONT')

      expect(outcome).not.toBe('late')
      expect(toMillraceError(await owed, 'syncing')).toMatchObject({ code: 'MR_BROKER_UNREACHABLE' })
    }, 30_000)

    it('does not hold up a close', async () => {
      const transport = kafkaTransport({ brokers: kafka.brokers, clientId: 'silence', clock: systemClock })
      const at = { topic: uniqueName('silence'), partition: 0 }
      await transport.createTopics([{ name: at.topic, partitions: 1, config: {} }])
      await transport.join(groupOptions(uniqueName('silence'), [at.topic]), new Recorder())
      const reader = transport.read([{ ...at, offset: 0 }])
      await reader.next()
      await kafka.kill(0, 'SIGSTOP')
      const from = systemClock.now()
      await transport.close()
      const tookMs = systemClock.now() - from
      await kafka.kill(0, 'SIGCONT')

      expect(tookMs).toBeLessThan(8000)
    }, 60_000)
  },
  { ownCluster: true },
)

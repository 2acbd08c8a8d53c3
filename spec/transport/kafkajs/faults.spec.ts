import { connect, type Socket } from 'node:net'
import { systemClock } from '../../../lib/core/clock.js'
import { type MillraceError } from '../../../lib/core/errors.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { Producer, TopicPartition, Transport } from '../../../lib/transport/port.js'
import { describeKafka, startKafka, uniqueName, type KafkaHandle } from '../../support/kafka/index.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, readTo, Recorder } from '../recorder.js'

/** Appends numbered records, and resolves when each has been heard of. */
const appendAll = (
  producer: Producer,
  at: TopicPartition,
  from: number,
  to: number,
  isVoid: () => boolean = () => false,
): Promise<readonly (MillraceError | null)[]> =>
  new Promise((resolve) => {
    const outcomes: (MillraceError | null)[] = []
    const settle = (count: number, outcome: MillraceError | null): void => {
      for (let i = 0; i < count; i++) outcomes.push(outcome)
      if (outcomes.length === to - from) resolve(outcomes)
    }
    const delivery = { delivered: (count: number) => settle(count, null), failed: (error: MillraceError) => settle(1, error), isVoid }
    for (let i = from; i < to; i++) producer.append(at, text('k', String(i)), delivery, null)
  })

const numbersIn = async (transport: Transport, at: TopicPartition): Promise<number[]> => {
  const end = (await transport.listOffsets([at], 'end'))[0]?.offset ?? 0
  const { records } = await readTo(transport, { ...at, offset: 0 }, end)
  return records.map((record) => Number(record.utf8Value()))
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** A network that can swallow what brokers answer. */
class Network {
  isDeaf = false
  private readonly sockets = new Set<Socket>()

  readonly socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
    const socket = connect({ host, port }, onConnect)
    const emit = socket.emit.bind(socket)
    socket.emit = (event: string | symbol, ...args: unknown[]) => (event === 'data' && this.isDeaf ? true : emit(event, ...args))
    this.sockets.add(socket)
    return socket
  }
  cut(): void {
    for (const socket of this.sockets) socket.destroy(new Error('cut'))
    this.sockets.clear()
  }
}

describeKafka('a lossy network', (kafka) => {
  it('neither loses nor doubles what was stored while answers were lost', async () => {
    const network = new Network()
    const settings = { socketFactory: network.socketFactory, requestTimeout: 700 }
    const transport = kafkaTransport({ brokers: kafka().brokers, kafka: settings, clientId: 'lossy', clock: systemClock })
    const at = { topic: uniqueName('lossy'), partition: 0 }
    await transport.createTopics([{ name: at.topic, partitions: 1, config: {} }])
    const producer = await transport.producer()
    await appendAll(producer, at, 0, 20)

    network.isDeaf = true
    const lost = appendAll(producer, at, 20, 40)
    producer.flush()
    await untilStored(kafka(), at, 40)
    network.isDeaf = false
    const outcomes = [...(await lost), ...(await appendAll(producer, at, 40, 60))]

    expect(outcomes.every((outcome) => outcome === null)).toBe(true)
    expect(await numbersIn(transport, at)).toEqual(upTo(60))
    await transport.close()
  })

  it('goes on after a record of unknown fate without losing the next ones', async () => {
    const network = new Network()
    const settings = { socketFactory: network.socketFactory, requestTimeout: 400 }
    const transport = kafkaTransport({ brokers: kafka().brokers, kafka: settings, clientId: 'lossy', clock: systemClock })
    const at = { topic: uniqueName('unknown'), partition: 0 }
    await transport.createTopics([{ name: at.topic, partitions: 1, config: {} }])
    const producer = await transport.producer({ deliveryTimeoutMs: 300 })
    await appendAll(producer, at, 0, 20)

    network.isDeaf = true
    const uncertain = await appendAll(producer, at, 20, 40)
    network.isDeaf = false
    const next = await appendAll(await transport.producer(), at, 40, 60)
    // kafkajs acknowledges these twenty with the offsets of the twenty before, and drops them.
    const same = await retryUntilStored(producer, at, 60, 80)

    expect(uncertain.map((outcome) => outcome?.code)).toEqual(Array.from({ length: 20 }, () => 'MR_TIMEOUT'))
    expect(next.every((outcome) => outcome === null)).toBe(true)
    expect(same).toBe('stored')
    const stored = await numbersIn(transport, at)
    expect(new Set(stored).size).toBe(stored.length)
    expect(stored.filter((number) => number >= 40)).toEqual(upTo(80).slice(40))
    await transport.close()
  })

  it('sends nothing that has become void while it waited, not even again, and what comes after it', async () => {
    const network = new Network()
    const settings = { socketFactory: network.socketFactory, requestTimeout: 400 }
    const transport = kafkaTransport({ brokers: kafka().brokers, kafka: settings, clientId: 'void', clock: systemClock })
    const at = { topic: uniqueName('void'), partition: 0 }
    await transport.createTopics([{ name: at.topic, partitions: 1, config: {} }])
    const producer = await transport.producer()
    await appendAll(producer, at, 0, 5)

    const waiting = await appendAll(producer, at, 5, 10, () => true)
    network.isDeaf = true
    let isVoid = false
    const unanswered = appendAll(producer, at, 10, 15, () => isVoid)
    producer.flush()
    await untilStored(kafka(), at, 10)
    isVoid = true
    const codes = [...waiting, ...(await unanswered)].map((outcome) => outcome?.code)
    network.isDeaf = false
    await retryUntilStored(producer, at, 15, 20)

    expect(codes).toEqual(Array.from({ length: 10 }, () => 'MR_FENCED'))
    expect(await numbersIn(transport, at)).toEqual([...upTo(5), ...upTo(20).slice(10)])
    await transport.close()
  })

  it('reads and writes on after every connection was cut', async () => {
    const network = new Network()
    const transport = kafkaTransport({
      brokers: kafka().brokers,
      kafka: { socketFactory: network.socketFactory },
      clientId: 'cut',
      clock: systemClock,
    })
    const at = { topic: uniqueName('cut'), partition: 0 }
    await transport.createTopics([{ name: at.topic, partitions: 1, config: {} }])
    const producer = await transport.producer()
    const recorder = new Recorder()
    await transport.join(groupOptions(uniqueName('cut'), [at.topic]), recorder)
    await appendAll(producer, at, 0, 10)
    await recorder.until(() => recorder.values.length === 10)

    network.cut()
    await appendAll(producer, at, 10, 20)
    await recorder.until(() => recorder.values.includes('19'))

    expect(await numbersIn(transport, at)).toEqual(upTo(20))
    expect(recorder.values.slice(0, 20)).toEqual(upTo(20).map(String))
    await transport.close()
  })
})

const untilStored = async (kafka: KafkaHandle, at: TopicPartition, end: number): Promise<void> => {
  const watcher = kafkaTransport({ brokers: kafka.brokers, clientId: 'watcher', clock: systemClock })
  while ((await watcher.listOffsets([at], 'end'))[0]?.offset !== end);
  await watcher.close()
}

const retryUntilStored = async (producer: Producer, at: TopicPartition, from: number, to: number): Promise<'stored'> => {
  for (;;) {
    const outcomes = await appendAll(producer, at, from, to)
    if (outcomes.every((outcome) => outcome === null)) return 'stored'
    if (outcomes.some((outcome) => outcome === null)) throw new Error('a batch was stored in part')
  }
}

describeKafka(
  'a broker that dies',
  () => {
    let kafka: KafkaHandle
    beforeAll(async () => {
      kafka = await startKafka()
    }, 120_000)
    afterAll(() => kafka.stop())

    it('comes back to a producer that lost and doubled nothing, and to a member that reads on', async () => {
      const recorder = new Recorder()
      const transport = kafkaTransport({ brokers: kafka.brokers, clientId: 'dies', clock: systemClock, onTrouble: recorder.trouble })
      const at = { topic: uniqueName('dies'), partition: 0 }
      await transport.createTopics([{ name: at.topic, partitions: 1, config: {} }])
      const producer = await transport.producer()
      const options = { sessionTimeoutMs: 6000, heartbeatMs: 500, rebalanceTimeoutMs: 10_000 }
      await transport.join(groupOptions(uniqueName('dies'), [at.topic], options), recorder)
      await appendAll(producer, at, 0, 1000)
      await recorder.until(() => recorder.values.length === 1000)

      await kafka.kill(0)
      const whileDown = appendAll(producer, at, 1000, 2000)
      await recorder.until(() => recorder.events.some((event) => event.startsWith('trouble')))
      await kafka.restart(0)
      expect((await whileDown).every((outcome) => outcome === null)).toBe(true)
      await appendAll(producer, at, 2000, 3000)
      await recorder.until(() => recorder.values.includes('2999'))

      expect(await numbersIn(transport, at)).toEqual(upTo(3000))
      expect([...new Set(recorder.values)]).toEqual(upTo(3000).map(String))
      expect(recorder.events.filter((event) => event.startsWith('failed'))).toEqual([])
      await transport.close()
    }, 90_000)
  },
  { ownCluster: true },
)

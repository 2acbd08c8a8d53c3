import { systemClock } from '../../../lib/core/clock.js'
import { Connections } from '../../../lib/transport/kafkajs/connections.js'
import { broker } from '../../../lib/transport/kafkajs/error-codes.js'
import type { FetchResponse } from '../../../lib/transport/kafkajs/fetch-request.js'
import { Fetcher } from '../../../lib/transport/kafkajs/fetcher.js'
import type { Request } from '../../../lib/transport/kafkajs/requests.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { Chunk, TopicPartition, Transport } from '../../../lib/transport/port.js'
import { describeKafka, uniqueName } from '../../support/kafka/index.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, produce, Recorder } from '../recorder.js'

const mebibyte = 1024 * 1024
const bytesOf = (chunks: readonly Chunk[]): number => chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describeKafka('a member', (kafka) => {
  let transport: Transport
  beforeEach(() => {
    transport = kafkaTransport({ brokers: kafka().brokers, clientId: 'fetching', clock: systemClock })
  })
  afterEach(() => transport.close())

  const fill = async (topic: string, partitions: readonly number[], valueBytes: number, count: number): Promise<void> => {
    const producer = await transport.producer()
    const record = text('k', 'x'.repeat(valueBytes))
    // A round is a batch in each partition.
    for (let round = 0; round < count; round++)
      await new Promise<void>((resolve, reject) => {
        let left = partitions.length
        const delivered = (stored: number): void => ((left -= stored) === 0 ? resolve() : undefined)
        for (const partition of partitions) producer.append({ topic, partition }, record, { delivered, failed: reject }, null)
        producer.flush()
      })
    await producer.close()
  }

  it('holds no more than its buffer however many partitions there are, and a slow one starves nobody', async () => {
    const topic = uniqueName('many')
    const partitions = Array.from({ length: 100 }, (_, i) => i)
    await transport.createTopics([{ name: topic, partitions: 100, config: {} }])
    await fill(topic, partitions, 20_000, 30) // 60 MB
    const recorder = new Recorder()
    recorder.takes = false
    const bufferBytes = 8 * mebibyte
    await transport.join(groupOptions(uniqueName('many'), [topic], { bufferBytes }), recorder)
    const isFrom = (partition: number) => (chunk: Chunk) => chunk.partition === partition
    await recorder.until(() =>
      partitions.every((partition) => recorder.chunks.some((chunk) => isFrom(partition)(chunk) && chunk.byteLength > 0)),
    )
    // Time for another round, if there were one.
    await wait(1000)
    const held = bytesOf(recorder.chunks)
    expect(held).toBeGreaterThan(bufferBytes / 4)
    expect(held).toBeLessThanOrEqual(bufferBytes + mebibyte)

    // One of them is worked on, and is read to its end; of the others no more is fetched.
    const takeAll = (from: number): void => {
      for (const chunk of recorder.chunks.slice(from)) if (isFrom(7)(chunk)) recorder.member.taken(chunk, chunk.byteLength)
    }
    let seen = 0
    await recorder.until(() => {
      takeAll(seen)
      seen = recorder.chunks.length
      return recorder.chunks.some((chunk) => isFrom(7)(chunk) && chunk.nextOffset === 30)
    })
    const others = bytesOf(recorder.chunks.filter((chunk) => !isFrom(7)(chunk)))
    expect(others).toBeLessThanOrEqual(bufferBytes + mebibyte)
  }, 120_000)

  it('gets a record through that is larger than its buffer', async () => {
    const topic = uniqueName('large')
    await transport.createTopics([{ name: topic, partitions: 2, config: {} }])
    await fill(topic, [0, 1], 900_000, 3)
    const recorder = new Recorder()
    await transport.join(groupOptions(uniqueName('large'), [topic], { bufferBytes: 10_000, fetchBytes: 1000 }), recorder)
    await recorder.until(() => recorder.values.length === 6)

    expect(recorder.values.map((value) => value?.length)).toEqual([1, 2, 3, 4, 5, 6].map(() => 900_000))
  }, 60_000)

  it('is not led astray by partitions without data: all of a hundred are read to their ends', async () => {
    const topic = uniqueName('even')
    const partitions = Array.from({ length: 100 }, (_, i) => i)
    await transport.createTopics([{ name: topic, partitions: 100, config: {} }])
    await fill(topic, partitions, 5000, 20)
    const recorder = new Recorder()
    await transport.join(groupOptions(uniqueName('even'), [topic], { bufferBytes: mebibyte }), recorder)
    await recorder.until(() => recorder.values.length === 2000)

    expect(new Set(recorder.records.map(({ partition, offset }) => `${partition}:${offset}`)).size).toBe(2000)
  }, 60_000)

  const passing = [
    ['the leader is another one', broker.notLeader],
    ['there is no leader', broker.leaderNotAvailable],
    ['the replica is not there', broker.replicaNotAvailable],
    ['the leader epoch is unknown', broker.unknownLeaderEpoch],
    ['the leader epoch is fenced', broker.fencedLeaderEpoch],
    ['the offset is not available yet', broker.offsetNotAvailable],
    ['the disk of the broker fails', broker.kafkaStorage],
    ['the partition is unknown there', broker.unknownTopic],
    ['the batch is corrupt there', broker.corruptMessage],
    ['the request timed out there', broker.requestTimedOut],
    ['the broker knows no name for it', broker.unknown],
  ] as const
  it.each(passing)('reads on in its generation when a broker says that %s', async (_, code) => {
    const topic = uniqueName('codes')
    await transport.createTopics([{ name: topic, partitions: 2, config: {} }])
    for (const partition of [0, 1])
      await produce(
        transport,
        { topic, partition },
        ['a', 'b'].map((value) => text('k', value)),
      )
    const reading = await readWith(kafka().brokers, topic, code)

    expect(reading.values).toEqual(['0/0', '0/1', '1/0', '1/1'])
    expect(reading.refused).toBe(3)
    expect(reading.failed).toEqual([])
  })

  it('gives up what it may not read', async () => {
    const topic = uniqueName('codes')
    await transport.createTopics([{ name: topic, partitions: 2, config: {} }])
    for (const partition of [0, 1])
      await produce(
        transport,
        { topic, partition },
        ['a', 'b'].map((value) => text('k', value)),
      )
    const reading = await readWith(kafka().brokers, topic, broker.topicAuthorization)

    expect(reading.failed).toEqual(['MR_AUTHORIZATION'])
  })
})

/** A fetcher whose broker answers for partition 0 with that error, three times, and then as it is. */
const readWith = async (brokers: readonly string[], topic: string, code: number) => {
  const connections = Connections.capture(
    { brokers, clientId: 'codes', kafka: {}, log: () => undefined, trouble: () => undefined },
    systemClock,
  )
  await connections.connect()
  await connections.addTopics([topic])
  let refused = 0
  const send = connections.sendTo.bind(connections)
  connections.sendTo = async <A>(node: number, request: Request<A>): Promise<A> => {
    const answer = await send(node, request)
    if (request.apiName !== 'Fetch') return answer
    const response = answer as FetchResponse // of the request with that name
    const partitions = response.partitions.map((part) => {
      if (part.partition !== 0 || refused === 3) return part
      refused += 1
      return { ...part, errorCode: code, records: Buffer.alloc(0) }
    })
    return { ...response, partitions } as A // as above
  }
  const failed: string[] = []
  const ends = new Map<number, number>()
  const values: string[] = []
  await new Promise<void>((resolve) => {
    const fetcher: Fetcher = new Fetcher(
      connections,
      systemClock,
      { waitMs: 50, bytesPerPartition: mebibyte, maxBytes: mebibyte, bufferBytes: mebibyte },
      {
        chunk: (chunk) => {
          for (let offset = ends.get(chunk.partition) ?? 0; offset < chunk.nextOffset; offset++) values.push(`${chunk.partition}/${offset}`)
          ends.set(chunk.partition, chunk.nextOffset)
          if (ends.get(0) === 2 && ends.get(1) === 2) resolve()
        },
        outOfRange: () => resolve(),
        failed: (error) => {
          failed.push(error.code)
          resolve()
        },
        trouble: () => undefined,
      },
    )
    for (const at of [0, 1].map((partition): TopicPartition => ({ topic, partition }))) fetcher.start({ ...at, offset: 0 })
  })
  await connections.close()
  return { values: values.sort(), refused, failed }
}

import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../lib/core/clock.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import { describeKafka, uniqueName } from '../../support/kafka/index.js'
import { text } from '../batch/kafkajs-codec.js'
import { produce, readTo } from '../recorder.js'

describeKafka('readers', (kafka) => {
  it('of one transport share connections and requests, however many there are, and leave none behind', async () => {
    const sockets: Socket[] = []
    let fetches = 0
    const socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
      const socket = connect({ host, port }, onConnect)
      const write = socket.write.bind(socket)
      socket.write = (bytes: Buffer, ...rest: []) => {
        // After its length a request names its kind: 1 is Fetch.
        if (Buffer.isBuffer(bytes) && bytes.length > 6 && bytes.readInt16BE(4) === 1) fetches++
        return write(bytes, ...rest)
      }
      sockets.push(socket)
      return socket
    }
    const transport = kafkaTransport({ brokers: kafka().brokers, clientId: 'readers', clock: systemClock, kafka: { socketFactory } })
    const topic = uniqueName('changelogs')
    const partitions = Array.from({ length: 24 }, (_, partition) => partition)
    await transport.createTopics([{ name: topic, partitions: partitions.length, config: {} }])
    for (const partition of partitions) await produce(transport, { topic, partition }, [text('k', String(partition), 1)])
    const before = sockets.length

    const found = await Promise.all(partitions.map((partition) => readTo(transport, { topic, partition, offset: 0 }, 1)))

    expect(found.map(({ records }) => records.map((record) => record.utf8Value()))).toEqual(
      partitions.map((partition) => [String(partition)]),
    )
    // One to find out about the cluster, one for requests, one for fetches; a broker each.
    expect(sockets.length - before).toBeLessThanOrEqual(3)
    expect(fetches).toBeLessThan(partitions.length)
    while (sockets.slice(before).some((socket) => !socket.destroyed)) await sleep(20)
    await transport.close()
  })
})

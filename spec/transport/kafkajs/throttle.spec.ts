import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { systemClock } from '../../../lib/core/clock.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { Trouble } from '../../../lib/transport/port.js'
import { describeKafka, uniqueName } from '../../support/kafka/index.js'
import { limitClient } from '../../support/kafka/quota.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, produce, Recorder } from '../recorder.js'

const keys = { produce: 0, fetch: 1 } as const

/** When requests of a kind left, and when quiet was asked for: until then nothing may leave. */
const overhear = (apiKey: number, apiName: string) => {
  const early: number[] = []
  let mutedUntil = 0
  let throttledMs = 0
  const onTrouble = ({ kind, error }: Trouble): void => {
    const found = new RegExp(`throttles ${apiName} for (\\d+) ms`).exec(error.message)
    if (kind !== 'throttle' || found === null) return
    throttledMs += Number(found[1])
    mutedUntil = performance.now() + Number(found[1])
  }
  const socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
    const socket = connect({ host, port }, onConnect)
    const write: (chunk: Buffer, encoding: BufferEncoding) => boolean = socket.write.bind(socket)
    const watched = (chunk: Buffer, encoding: BufferEncoding): boolean => {
      // Timers of Node are a millisecond off at times.
      if (chunk.readInt16BE(4) === apiKey && performance.now() < mutedUntil - 5) early.push(mutedUntil - performance.now())
      return write(chunk, encoding)
    }
    return Object.assign(socket, { write: watched })
  }
  return { early, socketFactory, onTrouble, throttledMs: () => throttledMs }
}

const records = (count: number) => Array.from({ length: count }, (_, i) => text('k', `${i}`.padEnd(10_000, '.')))

describeKafka('a quota', (kafka) => {
  it('is kept by a member: it asks for nothing while the broker wants quiet, and reads all', async () => {
    const clientId = uniqueName('slow-member')
    const at = { topic: uniqueName('quota'), partition: 0 }
    const fast = kafkaTransport({ brokers: kafka().brokers, clientId: 'fast', clock: systemClock })
    await fast.createTopics([{ name: at.topic, partitions: 1, config: {} }])
    for (let round = 0; round < 6; round++) await produce(fast, at, records(50))
    await limitClient(kafka().brokers, clientId, 200_000)
    const heard = overhear(keys.fetch, 'Fetch')
    const slow = kafkaTransport({
      brokers: kafka().brokers,
      kafka: { socketFactory: heard.socketFactory },
      clientId,
      clock: systemClock,
      onTrouble: heard.onTrouble,
    })
    const recorder = new Recorder()
    await slow.join(groupOptions(uniqueName('quota'), [at.topic], { fetchBytes: 500_000 }), recorder)
    await recorder.until(() => recorder.values.length === 300)

    expect(heard.throttledMs()).toBeGreaterThan(1000)
    expect(heard.early).toEqual([])
    await Promise.all([slow.close(), fast.close()])
  }, 120_000)

  it('is kept by a producer, which loses nothing', async () => {
    const clientId = uniqueName('slow-producer')
    const at = { topic: uniqueName('quota'), partition: 0 }
    await limitClient(kafka().brokers, clientId, 200_000)
    const heard = overhear(keys.produce, 'Produce')
    const slow = kafkaTransport({
      brokers: kafka().brokers,
      kafka: { socketFactory: heard.socketFactory },
      clientId,
      clock: systemClock,
      onTrouble: heard.onTrouble,
    })
    await slow.createTopics([{ name: at.topic, partitions: 1, config: {} }])
    const offsets = await produce(slow, at, records(400))

    expect(offsets).toEqual(Array.from({ length: 400 }, (_, i) => i))
    expect(heard.throttledMs()).toBeGreaterThan(1000)
    expect(heard.early).toEqual([])
    await slow.close()
  }, 120_000)
})

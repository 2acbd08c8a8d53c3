import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../lib/core/clock.js'
import { codec } from '../../lib/core/codec.js'
import { noHeaders } from '../../lib/core/headers.js'
import { partitionOf } from '../../lib/core/murmur2.js'
import { readBatch } from '../../lib/transport/batch/reader.js'
import { kafkaTransport } from '../../lib/transport/kafkajs/transport.js'
import type { Producer, Transport } from '../../lib/transport/port.js'
import { describeKafka, uniqueName } from '../support/kafka/index.js'

const kills = 20
const keys = 50
const partitions = 4

describeKafka('a process that is killed', (kafka) => {
  it(`loses no input over ${kills} times kill -9, and on the same disk counts none twice`, async () => {
    const id = uniqueName('kill')
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-kill-'))
    const transport = kafkaTransport({ brokers: kafka().brokers, clientId: 'judge', clock: systemClock })
    await transport.createTopics([`${id}-in`, `${id}-out`].map((name) => ({ name, partitions, config: {} })))
    const producer = await transport.producer()
    const random = seeded(20_261_122)
    const sent = new Map<string, number>()

    for (let kill = 0; kill < kills; kill++) {
      const child = start(id, stateDir, kafka().brokers)
      await said(child, 'running')
      const killAt = sleep(random() * 400)
      for (let burst = 0; burst < 4; burst++) {
        await send(producer, `${id}-in`, sent, 50, random)
        await sleep(random() * 60)
      }
      await killAt
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    const last = start(id, stateDir, kafka().brokers)
    await said(last, 'running')
    last.kill('SIGTERM')
    const [code] = (await once(last, 'exit')) as [number]

    expect(code).toBe(0)
    expect(await lastOfEachKey(transport, `${id}-out`)).toEqual(sent)
    await producer.close()
    await transport.close()
    rmSync(stateDir, { recursive: true, force: true })
  }, 300_000)
})

const start = (id: string, stateDir: string, brokers: readonly string[]): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'counter.child.ts'), id, stateDir, brokers.join(',')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

const said = async (child: ChildProcess, word: string): Promise<void> => {
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes(word)) return
  throw new Error(`the process ended without saying ${word}`)
}

/** The same kills each time: a seed that fails is a seed to keep. */
const seeded = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const send = (producer: Producer, topic: string, sent: Map<string, number>, count: number, random: () => number): Promise<void> =>
  new Promise((resolve, reject) => {
    let open = count
    const delivery = { delivered: (n: number) => ((open -= n) === 0 ? resolve() : undefined), failed: reject }
    for (let i = 0; i < count; i++) {
      const key = `key-${Math.floor(random() * keys)}`
      sent.set(key, (sent.get(key) ?? 0) + 1)
      const bytes = Buffer.from(key)
      producer.append(
        { topic, partition: partitionOf(bytes, partitions) },
        { key: bytes, value: codec.number.encode(i), timestamp: systemClock.now(), headers: noHeaders },
        delivery,
        null,
      )
    }
    producer.flush()
  })

const lastOfEachKey = async (transport: Transport, topic: string): Promise<ReadonlyMap<string, number>> => {
  const ends = await transport.listOffsets(
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    'stable',
  )
  const values = new Map<string, number>()
  for (const end of ends) {
    const reader = transport.read([{ topic, partition: end.partition, offset: 0 }])
    for (let position = 0; position < end.offset;) {
      for (const chunk of await reader.next()) {
        for (const batch of chunk.batches)
          for (const raw of readBatch(batch, position, chunk)) values.set(String(raw.key), codec.number.decode(raw.value))
        position = chunk.nextOffset
      }
    }
    await reader.close()
  }
  return values
}

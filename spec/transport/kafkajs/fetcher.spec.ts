import { setTimeout as wait } from 'node:timers/promises'
import { systemClock } from '../../../lib/core/clock.js'
import { stampBatch } from '../../../lib/transport/batch/header.js'
import { BatchWriter } from '../../../lib/transport/batch/writer.js'
import type { Connections } from '../../../lib/transport/kafkajs/connections.js'
import type { FetchedPartition, FetchResponse } from '../../../lib/transport/kafkajs/fetch-request.js'
import { Fetcher, type FetchEvents } from '../../../lib/transport/kafkajs/fetcher.js'
import type { Chunk } from '../../../lib/transport/port.js'
import { text } from '../batch/kafkajs-codec.js'

const mebibyte = 1024 * 1024
const settings = { waitMs: 5, bytesPerPartition: mebibyte, maxBytes: 8 * mebibyte, bufferBytes: 32 * mebibyte }
const topic = 't'

/** A batch of one record; over 64 KiB is handed on in a turn of its own. */
const part = (partition: number, offset: number, byteLength = 10): FetchedPartition => {
  const writer = new BatchWriter()
  writer.append(text('k', 'x'.repeat(byteLength)))
  const records = writer.seal()
  stampBatch(records, offset)
  return { topic, partition, errorCode: 0, lastStableOffset: offset + 1, aborted: [], records }
}
const nothing: FetchResponse = { errorCode: 0, partitions: [] }

/** Reads three partitions from brokers that give each of these answers once, in this order, and then nothing. */
const readFrom = (answers: Record<number, FetchResponse[]>, events: Partial<FetchEvents>) => {
  const leader: { node: number | null } = { node: null }
  const connections: Pick<Connections, 'leaderOf' | 'partitionsOf' | 'refresh' | 'sendTo'> = {
    leaderOf: () => leader.node,
    partitionsOf: () => 3,
    refresh: () => Promise.resolve(),
    sendTo: async <A>(node: number) => {
      const answer = answers[node]?.shift()
      if (answer === undefined) await wait(settings.waitMs)
      return (answer ?? nothing) as A // nothing but fetch requests is sent
    },
  }
  const fetcher = new Fetcher(connections as Connections, systemClock, settings, {
    chunk: () => undefined,
    outOfRange: () => undefined,
    failed: () => undefined,
    trouble: () => undefined,
    ...events,
  })
  for (const partition of [0, 1, 2]) fetcher.start({ topic, partition, offset: 0 })
  leader.node = 1
  fetcher.wake()
  return { fetcher, leader }
}
const seen = ({ partition, fetchOffset }: Chunk): string => `${partition}@${fetchOffset}`

describe('a fetcher', () => {
  it('reads no further in a partition whose listener throws, for its offsets would be passed by; others go on', async () => {
    const answers = { 1: [0, 1, 2].map((offset) => ({ errorCode: 0, partitions: [part(0, offset), part(1, offset)] })) }
    const chunks: string[] = []
    const failed: string[] = []
    const { fetcher } = readFrom(answers, {
      chunk: (chunk) => {
        if (chunk.partition === 0 && chunk.fetchOffset === 1) throw new Error('no room')
        chunks.push(seen(chunk))
      },
      failed: (error, { partition }) => failed.push(`${partition}: ${error.message}`),
    })
    while (!chunks.includes('1@2')) await wait(1)
    fetcher.close()

    expect(chunks).toEqual(['0@0', '1@0', '1@1', '1@2'])
    expect(failed).toEqual([expect.stringMatching(/^0: .*no room/)])
  })

  it('hands on in order where a leader moves while a large answer of the old one is handed on', async () => {
    const long = 100_000
    const answers = {
      1: [{ errorCode: 0, partitions: [part(0, 0, long), part(1, 0, long), part(2, 0, long)] }],
      2: [{ errorCode: 0, partitions: [part(2, 1), part(1, 1), part(0, 1)] }],
    }
    const chunks: string[] = []
    const { fetcher, leader } = readFrom(answers, {
      chunk: (chunk) => {
        chunks.push(seen(chunk))
        if (chunks.length === 1) {
          leader.node = 2
          fetcher.wake()
        }
      },
    })
    while (chunks.length < 6) await wait(1)
    fetcher.close()

    expect(answers[2]).toEqual([])
    expect(chunks).toEqual(['0@0', '1@0', '2@0', '2@1', '1@1', '0@1'])
  })
})

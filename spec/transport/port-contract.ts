import { randomBytes, randomUUID } from 'node:crypto'
import { isMillraceError } from '../../lib/core/errors.js'
import { headersOf } from '../../lib/core/headers.js'
import type { OutRecord } from '../../lib/core/record.js'
import { readBatch } from '../../lib/transport/batch/reader.js'
import type { Reader, Transport } from '../../lib/transport/port.js'
import { plain, text } from './batch/kafkajs-codec.js'
import { groupOptions, produce, readTo, Recorder } from './recorder.js'

export interface ContractSubject {
  readonly transport: Transport
  readonly close: () => Promise<void>
  /** Resolves when the compacted topic, of one partition, has been compacted. Left out: what needs it is not tested. */
  readonly compact?: (topic: string) => Promise<void>
  /** Settings of a topic that `compact` can compact soon. */
  readonly compactedConfig?: Readonly<Record<string, string>>
}

/** What the runtime relies on, whatever the log. */
export const describeTransport = (
  name: string,
  make: () => Promise<ContractSubject>,
  options: { readonly timeoutMs?: number } = {},
): void => {
  const timeoutMs = options.timeoutMs ?? 5000
  describe(name, () => {
    let subject: ContractSubject
    let transport: Transport
    const unique = (what: string): string => `${what}-${randomUUID().slice(0, 8)}`
    const topicOf = async (partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> => {
      const topic = unique('topic')
      await transport.createTopics([{ name: topic, partitions, config }])
      return topic
    }
    const letters = (...values: string[]): OutRecord[] => values.map((value, i) => text(value, value, 1000 + i))
    const join = async (
      group: string,
      topics: readonly string[],
      changes: Parameters<typeof groupOptions>[2] = {},
      recorder = new Recorder(),
    ): Promise<Recorder> => {
      await transport.join(groupOptions(group, topics, changes), recorder)
      return recorder
    }

    beforeAll(async () => {
      subject = await make()
      transport = subject.transport
    }, timeoutMs * 4)
    afterAll(() => subject.close(), timeoutMs * 4)

    /* ------------------------------------------------------------------ topics */

    it(
      'describes topics that exist, and leaves out those that do not',
      async () => {
        const [plainTopic, compacted] = [await topicOf(3), await topicOf(2, { 'cleanup.policy': 'compact' })]

        const found = await transport.describeTopics([plainTopic, compacted, unique('missing')])

        expect([...found.values()].sort((a, b) => b.partitions - a.partitions)).toEqual([
          { name: plainTopic, partitions: 3, isCompacted: false },
          { name: compacted, partitions: 2, isCompacted: true },
        ])
      },
      timeoutMs,
    )

    it(
      'leaves a topic that exists as it is',
      async () => {
        const topic = await topicOf(2)

        await transport.createTopics([{ name: topic, partitions: 5, config: {} }])

        expect((await transport.describeTopics([topic])).get(topic)?.partitions).toBe(2)
      },
      timeoutMs,
    )

    /* --------------------------------------------------------------- producing */

    it(
      'acknowledges records with their offsets, and gives them back as they were',
      async () => {
        const topic = await topicOf()
        const records: OutRecord[] = [
          text('k', 'v', 1_700_000_000_000, [
            ['h', '1'],
            ['h', '2'],
            ['ü', ''],
          ]),
          text(null, 'no key', 5),
          text('tombstone', null, 1_700_000_000_001),
          { key: Buffer.from([0, 255]), value: Buffer.alloc(0), timestamp: 0, headers: headersOf([['none', null]]) },
        ]

        const offsets = await produce(transport, { topic, partition: 0 }, records)

        expect(offsets).toEqual([0, 1, 2, 3])
        const { records: read } = await readTo(transport, { topic, partition: 0, offset: 0 }, 4)
        expect(read.map(plain)).toEqual(records.map(plain))
        expect(read.map((record) => [record.topic, record.partition, record.offset])).toEqual(
          [0, 1, 2, 3].map((offset) => [topic, 0, offset]),
        )
      },
      timeoutMs,
    )

    it(
      'keeps the order of each partition, over many records',
      async () => {
        const topic = await topicOf(2)
        const many = Array.from({ length: 3000 }, (_, i) => text('k', String(i), i))

        await Promise.all([0, 1].map((partition) => produce(transport, { topic, partition }, many)))

        for (const partition of [0, 1]) {
          const { records } = await readTo(transport, { topic, partition, offset: 0 }, 3000)
          expect(records.map((record) => Number(record.utf8Value()))).toEqual(many.map((_, i) => i))
        }
      },
      timeoutMs,
    )

    it(
      'never tells of a delivery inside append, and counts what is pending',
      async () => {
        const topic = await topicOf()
        const producer = await transport.producer()
        const heard: number[] = []
        const delivered = new Promise<void>((resolve) => {
          producer.append(
            { topic, partition: 0 },
            text('k', 'value'),
            { delivered: (count) => resolve(void heard.push(count)), failed: () => resolve() },
            null,
          )
        })

        expect(heard).toEqual([])
        expect(producer.pendingBytes).toBeGreaterThanOrEqual(5)
        producer.flush()
        await delivered

        expect(heard).toEqual([1])
        await producer.close()
        expect(producer.pendingBytes).toBe(0)
      },
      timeoutMs,
    )

    it(
      'fails a record that is too large, and only that one',
      async () => {
        const topic = await topicOf(1, { 'max.message.bytes': '2000' })

        const outcomes = await produce(transport, { topic, partition: 0 }, [
          text('a', 'small'),
          text('b', 'x'.repeat(5000)),
          text('c', 'small'),
        ])

        expect(outcomes.map((outcome) => (isMillraceError(outcome) ? outcome.code : 'stored'))).toEqual([
          'stored',
          'MR_RECORD_TOO_LARGE',
          'stored',
        ])
        expect((await transport.listOffsets([{ topic, partition: 0 }], 'end'))[0]?.offset).toBe(2)
      },
      timeoutMs,
    )

    it(
      'stores records of 1 MiB where the topic takes them',
      async () => {
        const topic = await topicOf(1, { 'max.message.bytes': '2000000' })
        const values = Array.from({ length: 12 }, () => randomBytes(1024 * 1024))

        const offsets = await produce(
          transport,
          { topic, partition: 0 },
          values.map((value) => ({ ...text('k', null, 1000), value })),
        )

        expect(offsets).toEqual(values.map((_, i) => i))
        const { records } = await readTo(transport, { topic, partition: 0, offset: 0 }, 12)
        expect(records.map((record, i) => values[i]?.equals(record.value ?? Buffer.alloc(0)))).toEqual(values.map(() => true))
      },
      timeoutMs,
    )

    it(
      'writes what is far more than a batch of the topic may hold, in order; a record that is too large is named and nothing else is lost',
      async () => {
        const topic = await topicOf(1, { 'max.message.bytes': '20000' })
        const records = Array.from({ length: 3000 }, (_, i) => text('k', `${i} ${'x'.repeat(i === 1500 ? 30_000 : 90)}`, 1000 + i))

        const outcomes = await produce(transport, { topic, partition: 0 }, records)

        expect(outcomes.filter((outcome) => !isMillraceError(outcome))).toEqual(Array.from({ length: 2999 }, (_, i) => i))
        expect(outcomes[1500]).toMatchObject({
          code: 'MR_RECORD_TOO_LARGE',
          message: expect.stringMatching(new RegExp(`${topic}-0.*takes 300\\d\\d bytes.*20000`)) as string,
        })
        const { records: read } = await readTo(transport, { topic, partition: 0, offset: 0 }, 2999)
        expect(read.map((record) => record.timestamp)).toEqual(records.filter((_, i) => i !== 1500).map((record) => record.timestamp))
      },
      timeoutMs,
    )

    /* ----------------------------------------------------------------- offsets */

    it(
      'lists where a partition begins and ends, and where a time is first reached',
      async () => {
        const topic = await topicOf()
        const at = { topic, partition: 0 }
        await produce(transport, at, [text('a', '0', 1000), text('b', '1', 3000), text('c', '2', 2000), text('d', '3', 4000)])
        const offsetAt = async (spec: Parameters<Transport['listOffsets']>[1]): Promise<number | undefined> =>
          (await transport.listOffsets([at], spec))[0]?.offset

        expect(await offsetAt('earliest')).toBe(0)
        expect(await offsetAt('stable')).toBe(4)
        expect(await offsetAt('end')).toBe(4)
        expect(await offsetAt({ time: 1500 })).toBe(1)
        expect(await offsetAt({ time: 3500 })).toBe(3)
        expect(await offsetAt({ time: 5000 })).toBe(4)
      },
      timeoutMs,
    )

    /* ----------------------------------------------------------------- readers */

    it(
      'reads several partitions without a group, and waits at their ends',
      async () => {
        const topic = await topicOf(2)
        await produce(transport, { topic, partition: 0 }, letters('a', 'b'))
        const reader = transport.read([0, 1].map((partition) => ({ topic, partition, offset: 0 })))
        const ends = new Map<number, number>()
        while (ends.get(0) !== 2 || ends.get(1) !== 0) for (const chunk of await reader.next()) ends.set(chunk.partition, chunk.nextOffset)

        const waiting = reader.next()
        await produce(transport, { topic, partition: 1 }, letters('c'))
        let chunks = await waiting
        while (chunks.every((chunk) => chunk.batches.length === 0)) chunks = await reader.next()

        expect(
          chunks
            .filter((chunk) => chunk.batches.length > 0)
            .map((chunk) => [chunk.partition, chunk.fetchOffset, chunk.nextOffset, chunk.endOffset]),
        ).toEqual([[1, 0, 1, 1]])
        await reader.close()
      },
      timeoutMs,
    )

    it(
      'rejects a pending read when the reader is closed',
      async () => {
        const topic = await topicOf()
        const reader = transport.read([{ topic, partition: 0, offset: 0 }])
        await reader.next()
        const pending = (async () => {
          for (;;) await reader.next()
        })()

        await Promise.all([expect(pending).rejects.toMatchObject({ name: 'MillraceError' }), reader.close()])
      },
      timeoutMs,
    )

    it(
      'reads for many at a time, also the same partition, and stops for one alone',
      async () => {
        const topic = await topicOf(2)
        for (const partition of [0, 1]) await produce(transport, { topic, partition }, letters('a', 'b', 'c'))
        const from = (partition: number, offset: number) => transport.read([{ topic, partition, offset }])
        const readers = { whole: from(0, 0), second: from(0, 2), other: from(1, 1), beyond: from(1, 9), closed: from(1, 0) }
        await readers.closed.close()

        const keysOf = async (reader: Reader, offset: number): Promise<readonly (string | null)[]> => {
          const keys: (string | null)[] = []
          for (let position = offset; position < 3;) {
            for (const chunk of await reader.next()) {
              for (const batch of chunk.batches) keys.push(...readBatch(batch, offset, chunk).map((record) => record.utf8Key()))
              position = chunk.nextOffset
            }
          }
          return keys
        }
        const read = Promise.all([keysOf(readers.whole, 0), keysOf(readers.second, 2), keysOf(readers.other, 1)])
        await expect(readers.beyond.next()).rejects.toMatchObject({ code: 'MR_OUT_OF_RANGE' })
        await readers.beyond.close()
        const again = from(1, 0)

        expect(await read).toEqual([['a', 'b', 'c'], ['c'], ['b', 'c']])
        expect(await keysOf(again, 0)).toEqual(['a', 'b', 'c'])
        await expect(readers.closed.next()).rejects.toMatchObject({ code: 'MR_APP_STOPPED' })
        await Promise.all([readers.whole, readers.second, readers.other, again].map((reader) => reader.close()))
      },
      timeoutMs,
    )

    /* ------------------------------------------------------------------ groups */

    it(
      'gives a first chunk soon after start, also when there is nothing to read',
      async () => {
        const topic = await topicOf()
        const recorder = await join(unique('group'), [topic])

        await recorder.until(() => recorder.chunks.length > 0)

        expect(recorder.chunks[0]).toMatchObject({ topic, partition: 0, batches: [], fetchOffset: 0, nextOffset: 0, endOffset: 0 })
        await recorder.member.leave(1000)
      },
      timeoutMs,
    )

    it(
      'goes on where a chunk says, and brings what is produced later',
      async () => {
        const topic = await topicOf()
        const at = { topic, partition: 0 }
        for (const value of ['a', 'b', 'c', 'd']) await produce(transport, at, letters(value))
        const recorder = await join(unique('group'), [topic], { fetchBytes: 1 })
        await recorder.until(() => recorder.values.length === 4)
        await produce(transport, at, letters('e'))
        await recorder.until(() => recorder.values.length === 5)

        expect(recorder.values).toEqual(['a', 'b', 'c', 'd', 'e'])
        expect(recorder.chunks.length).toBeGreaterThan(1)
        recorder.chunks.reduce((position, chunk) => {
          expect(chunk.fetchOffset).toBe(position)
          return chunk.nextOffset
        }, 0)
        expect(recorder.chunks.at(-1)).toMatchObject({ nextOffset: 5, endOffset: 5 })
        await recorder.member.leave(1000)
      },
      timeoutMs,
    )

    it(
      'starts where it is told, also inside a batch, and seeks when started again',
      async () => {
        const topic = await topicOf()
        await produce(transport, { topic, partition: 0 }, letters('a', 'b', 'c'))
        const recorder = new Recorder()
        recorder.startAt = () => 2
        await join(unique('group'), [topic], {}, recorder)
        await recorder.until(() => recorder.values.length === 1)

        recorder.member.start({ topic, partition: 0, offset: 1 })
        await recorder.until(() => recorder.values.length === 3)

        expect(recorder.values).toEqual(['c', 'b', 'c'])
        await recorder.member.leave(1000)
      },
      timeoutMs,
    )

    it(
      'reads nothing of a paused partition until it is resumed',
      async () => {
        const topic = await topicOf(2)
        const recorder = await join(unique('group'), [topic])
        await recorder.until(() => recorder.chunks.length >= 2)

        recorder.member.pause({ topic, partition: 0 })
        // What is on its way may still arrive: the second record of the open partition proves that a whole round has passed.
        await produce(transport, { topic, partition: 1 }, letters('first'))
        await recorder.until(() => recorder.values.includes('first'))
        await produce(transport, { topic, partition: 0 }, letters('paused'))
        await produce(transport, { topic, partition: 1 }, letters('open'))
        await recorder.until(() => recorder.values.includes('open'))

        expect(recorder.values).toEqual(['first', 'open'])
        recorder.member.resume({ topic, partition: 0 })
        await recorder.until(() => recorder.values.includes('paused'))
        await recorder.member.leave(1000)
      },
      timeoutMs,
    )

    it(
      'keeps committed offsets with their metadata for the next member',
      async () => {
        const topic = await topicOf(2)
        const group = unique('group')
        const first = await join(group, [topic])
        await first.member.commit([{ topic, partition: 0, offset: 7, metadata: 'mark' }])
        await first.member.commit([{ topic, partition: 0, offset: 9, metadata: '' }])
        await first.member.leave(1000)

        const second = await join(group, [topic])

        expect(await second.member.committed([0, 1].map((partition) => ({ topic, partition })))).toEqual([
          { topic, partition: 0, offset: 9, metadata: '' },
        ])
        await second.member.leave(1000)
      },
      timeoutMs,
    )

    it(
      'shares partitions, asks before it takes, and lets the old generation commit until then',
      async () => {
        const topic = await topicOf(2)
        const group = unique('group')
        const first = new Recorder()
        first.onRevoke = (member) => member.commit([{ topic, partition: 0, offset: 5, metadata: 'in revoke' }])
        await join(group, [topic], { nodeId: 'a' }, first)
        expect(first.names).toEqual([`${topic}-0`, `${topic}-1`])

        const second = await join(group, [topic], { nodeId: 'b' })
        await first.until(() => first.generations.length > 1)

        expect(first.events.filter((event) => event !== 'chunk')).toEqual(['assigned', 'revoke', 'revoked', 'assigned'])
        expect([...first.names, ...second.names].sort()).toEqual([`${topic}-0`, `${topic}-1`])
        expect(first.names).toHaveLength(1)
        expect(await second.member.committed([{ topic, partition: 0 }])).toEqual([
          { topic, partition: 0, offset: 5, metadata: 'in revoke' },
        ])

        first.onRevoke = (member) => member.commit([{ topic, partition: 0, offset: 6, metadata: 'leaving' }])
        await first.member.leave(5000)
        await second.until(() => second.names.length === 2)

        expect(await second.member.committed([{ topic, partition: 0 }])).toEqual([{ topic, partition: 0, offset: 6, metadata: 'leaving' }])
        await second.member.leave(1000)
      },
      timeoutMs * 2,
    )

    it(
      'refuses commits of a generation that is over',
      async () => {
        const topic = await topicOf(2)
        const group = unique('group')
        const first = await join(group, [topic], { nodeId: 'a' })
        const old = first.member

        const second = await join(group, [topic], { nodeId: 'b' })
        await first.until(() => first.generations.length > 1)

        await expect(old.commit([{ topic, partition: 0, offset: 1, metadata: '' }])).rejects.toMatchObject({ code: 'MR_FENCED' })
        expect(await second.member.committed([{ topic, partition: 0 }])).toEqual([])
        await Promise.all([first.member.leave(1000), second.member.leave(1000)])
        await expect(first.member.commit([{ topic, partition: 0, offset: 1, metadata: '' }])).rejects.toMatchObject({ code: 'MR_FENCED' })
      },
      timeoutMs * 2,
    )

    it(
      'gives partition n of co-partitioned topics to one member, the one that has state of it',
      async () => {
        const [left, right] = [await topicOf(2), await topicOf(2)]
        const group = unique('group')
        const copartitioned = [[left, right]]
        const first = await join(group, [left, right], { copartitioned, nodeId: 'a', held: () => [{ set: 0, partition: 1 }] })

        const second = await join(group, [left, right], { copartitioned, nodeId: 'b', held: () => [{ set: 0, partition: 0 }] })
        await first.until(() => first.generations.length > 1)

        expect(first.names).toEqual([`${left}-1`, `${right}-1`].sort())
        expect(second.names).toEqual([`${left}-0`, `${right}-0`].sort())
        await Promise.all([first.member.leave(1000), second.member.leave(1000)])
      },
      timeoutMs * 2,
    )

    it(
      'keeps groups apart',
      async () => {
        const topic = await topicOf()
        const [one, other] = [await join(unique('group'), [topic]), await join(unique('group'), [topic])]
        await produce(transport, { topic, partition: 0 }, letters('a'))

        await Promise.all([one, other].map((recorder) => recorder.until(() => recorder.values.length === 1)))

        expect([one.values, other.values]).toEqual([['a'], ['a']])
        await Promise.all([one, other].map((recorder) => recorder.member.leave(1000)))
      },
      timeoutMs,
    )

    /* ------------------------------------------------- what is no longer there */

    it(
      'removes records below an offset: members and readers that ask for them are told',
      async () => {
        const topic = await topicOf()
        const at = { topic, partition: 0 }
        for (const value of ['a', 'b', 'c']) await produce(transport, at, letters(value))

        await transport.deleteRecords([{ ...at, offset: 2 }])

        expect((await transport.listOffsets([at], 'earliest'))[0]?.offset).toBe(2)
        const recorder = new Recorder()
        recorder.startAt = () => 1
        await join(unique('group'), [topic], {}, recorder)
        await recorder.until(() => recorder.outOfRanges.length > 0)
        expect(recorder.outOfRanges).toEqual([{ ...at, offset: 1 }])
        recorder.member.start({ ...at, offset: 2 })
        await recorder.until(() => recorder.values.length === 1)
        expect(recorder.values).toEqual(['c'])
        await recorder.member.leave(1000)

        const reader = transport.read([{ ...at, offset: 0 }])
        await expect(reader.next()).rejects.toMatchObject({ code: 'MR_OUT_OF_RANGE' })
        await reader.close()
      },
      timeoutMs * 2,
    )

    it(
      'tells of a position beyond the end',
      async () => {
        const topic = await topicOf()
        const recorder = new Recorder()
        recorder.startAt = () => 10
        await join(unique('group'), [topic], {}, recorder)

        await recorder.until(() => recorder.outOfRanges.length > 0)

        expect(recorder.outOfRanges).toEqual([{ topic, partition: 0, offset: 10 }])
        await recorder.member.leave(1000)
      },
      timeoutMs,
    )

    it(
      'reads a compacted topic with gaps to its end, with a group and without',
      async () => {
        if (subject.compact === undefined) return
        const topic = await topicOf(1, { 'cleanup.policy': 'compact', ...subject.compactedConfig })
        const at = { topic, partition: 0 }
        for (let round = 0; round < 4; round++) {
          await produce(
            transport,
            at,
            Array.from({ length: 50 }, (_, i) => text(i < 49 ? 'same' : `round ${round}`, `${round}/${i}`, 1000)),
          )
        }
        await produce(transport, at, [text('same', 'newest', 1000)])
        const end = (await transport.listOffsets([at], 'end'))[0]?.offset ?? 0

        await subject.compact(topic)

        const { records, nextOffset } = await readTo(transport, { ...at, offset: 0 }, end)
        expect(nextOffset).toBe(end)
        expect(records.length).toBeLessThan(200)
        const newest = new Map(records.map((record) => [record.utf8Key(), record.utf8Value()]))
        expect(newest.get('same')).toBe('newest')
        expect([0, 1, 2, 3].map((round) => newest.get(`round ${round}`))).toEqual(['0/49', '1/49', '2/49', '3/49'])
        const recorder = await join(unique('group'), [topic])
        await recorder.until(() => recorder.chunks.some((chunk) => chunk.nextOffset >= end))
        expect(recorder.values).toEqual(records.map((record) => record.utf8Value()))
        await recorder.member.leave(1000)
      },
      timeoutMs * 12,
    )
  })
}

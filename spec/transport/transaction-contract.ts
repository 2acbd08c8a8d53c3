import { randomBytes, randomUUID } from 'node:crypto'
import type { MillraceError } from '../../lib/core/errors.js'
import type { CommittedOffset, Delivery, Member, Transaction, TransactionalProducer, Transport } from '../../lib/transport/port.js'
import { text } from './batch/kafkajs-codec.js'
import type { ContractSubject } from './port-contract.js'
import { groupOptions, readTo, Recorder } from './recorder.js'

/** What exactly-once relies on, whatever the log. */
export const describeTransactions = (
  name: string,
  make: () => Promise<ContractSubject>,
  { timeoutMs = 5000 }: { readonly timeoutMs?: number } = {},
): void => {
  describe(name, () => {
    let subject: ContractSubject
    let transport: Transport
    const unique = (what: string): string => `${what}-${randomUUID().slice(0, 8)}`
    const unheard: Delivery = { delivered: () => undefined, failed: () => undefined }

    beforeAll(async () => {
      subject = await make()
      transport = subject.transport
    }, timeoutMs * 4)
    afterAll(() => subject.close(), timeoutMs * 4)

    /** A topic to read and one to write, a member of a group, a producer. */
    const world = async () => {
      const [input, output, group] = [unique('in'), unique('out'), unique('group')]
      await transport.createTopics([
        { name: input, partitions: 1, config: {} },
        { name: output, partitions: 2, config: { 'max.message.bytes': '2000' } },
      ])
      const recorder = new Recorder()
      recorder.startAt = () => null
      await transport.join(groupOptions(group, [input]), recorder)
      const transactionalId = unique('writer')
      const open = () => transport.transactionalProducer({ transactionalId, timeoutMs: 10_000 })
      const offset = (at: number, metadata = ''): CommittedOffset => ({ topic: input, partition: 0, offset: at, metadata })
      const committed = () => recorder.member.committed([{ topic: input, partition: 0 }])
      const write = (transaction: Transaction, ...values: readonly string[]) =>
        values.forEach((value) => transaction.append({ topic: output, partition: 0 }, text(value, value, 1000), unheard, value))
      /** What a read-committed reader has at the high watermark: a commit is acknowledged before its marker is in the log. */
      const read = async (partition = 0) => {
        const [end] = await transport.listOffsets([{ topic: output, partition }], 'end')
        const { records } = await readTo(transport, { topic: output, partition, offset: 0 }, end?.offset ?? 0)
        return records.map((record) => record.utf8Value())
      }
      return { input, output, group, recorder, open, offset, committed, write, read }
    }
    const run = async (
      producer: TransactionalProducer,
      member: Member,
      offsets: readonly CommittedOffset[],
      fill: (to: Transaction) => void,
    ) => {
      const transaction = producer.begin(member, offsets)
      fill(transaction)
      await transaction.commit()
    }
    const codeOf = (outcome: Promise<unknown>): Promise<string> =>
      outcome.then(
        () => 'committed',
        (error: MillraceError) => error.code,
      )

    it(
      'commits records and offsets together, one transaction after the other',
      async () => {
        const { recorder, open, offset, committed, write, read } = await world()
        const producer = await open()

        for (let i = 1; i <= 5; i++) await run(producer, recorder.member, [offset(i, `mark ${i}`)], (to) => write(to, `${i}a`, `${i}b`))

        expect(await read()).toEqual(['1a', '1b', '2a', '2b', '3a', '3b', '4a', '4b', '5a', '5b'])
        expect(await committed()).toEqual([offset(5, 'mark 5')])
      },
      timeoutMs,
    )

    it(
      'commits offsets without records, and records without offsets',
      async () => {
        const { recorder, open, offset, committed, write, read } = await world()
        const producer = await open()

        await run(producer, recorder.member, [offset(7)], () => undefined)
        await run(producer, recorder.member, [], (to) => write(to, 'alone'))

        expect(await committed()).toEqual([offset(7)])
        expect(await read()).toEqual(['alone'])
      },
      timeoutMs,
    )

    it(
      'tells deliveries the offsets before it resolves',
      async () => {
        const { output, recorder, open } = await world()
        const producer = await open()
        const heard: [number, number][] = []
        const delivery: Delivery = { delivered: (count, { partition }) => heard.push([partition, count]), failed: () => undefined }

        await run(producer, recorder.member, [], (to) => {
          for (const partition of [0, 0, 1]) to.append({ topic: output, partition }, text('k', 'v', 1), delivery, null)
        })

        expect(heard.sort()).toEqual([
          [0, 2],
          [1, 1],
        ])
      },
      timeoutMs,
    )

    it(
      'takes over what was drafted, in order, and nothing of a draft that it was not given',
      async () => {
        const { output, recorder, open, write, read } = await world()
        const producer = await open()
        const [first, second, third] = [producer.draft(), producer.draft(), producer.draft()]
        for (const [draft, value] of [
          [first, '1a'],
          [third, '3a'],
          [second, '2a'],
          [first, '1b'],
          [third, '3b'],
        ] as const)
          draft.append({ topic: output, partition: 0 }, text(value, value, 1000), unheard, value)
        expect(first.byteLength).toBeGreaterThan(second.byteLength)

        await run(producer, recorder.member, [], (to) => {
          to.add(first)
          to.add(second)
          write(to, 'appended')
        })
        const seenAtFirst = await read()
        third.append({ topic: output, partition: 0 }, text('3c', '3c', 1000), unheard, '3c')
        await run(producer, recorder.member, [], (to) => to.add(third))

        expect(seenAtFirst).toEqual(['1a', '1b', '2a', 'appended'])
        expect(await read()).toEqual([...seenAtFirst, '3a', '3b', '3c'])
        expect([first, second, third].map(({ byteLength }) => byteLength)).toEqual([0, 0, 0])
      },
      timeoutMs,
    )

    it(
      'leaves out what was drafted and is refused, tells whoever drafted it, and takes what is appended in its place',
      async () => {
        const { output, recorder, open, read } = await world()
        const producer = await open()
        const [draft, transaction] = [producer.draft(), producer.begin(recorder.member, [])]
        const failed = (error: MillraceError, origin: unknown) =>
          transaction.append({ topic: output, partition: 1 }, text('k', `${String(origin)}: ${error.code}`, 1), unheard, null)
        for (const value of ['before', 'x'.repeat(5000), 'after'])
          draft.append({ topic: output, partition: 0 }, text('k', value, 1000), { delivered: () => undefined, failed }, value.slice(0, 6))

        transaction.add(draft)
        await transaction.commit()

        expect(await read(0)).toEqual(['before', 'after'])
        expect(await read(1)).toEqual(['xxxxxx: MR_RECORD_TOO_LARGE'])
      },
      timeoutMs,
    )

    it(
      'leaves out a record that is refused, and takes what is appended in its place',
      async () => {
        const { output, recorder, open, offset, committed, write, read } = await world()
        const producer = await open()
        const transaction = producer.begin(recorder.member, [offset(3)])
        const large = text('large', 'x'.repeat(5000), 1000)
        const failed = (error: MillraceError, origin: unknown) =>
          transaction.append({ topic: output, partition: 1 }, text('k', `${String(origin)}: ${error.code}`, 1), unheard, null)
        write(transaction, 'before')
        transaction.append({ topic: output, partition: 0 }, large, { delivered: () => undefined, failed }, 'large')
        write(transaction, 'after')
        await transaction.commit()

        expect(await read(0)).toEqual(['before', 'after'])
        expect(await read(1)).toEqual(['large: MR_RECORD_TOO_LARGE'])
        expect(await committed()).toEqual([offset(3)])
      },
      timeoutMs,
    )

    it(
      'takes records of 1 MiB, batches that must be split and a record that is too large in one transaction',
      async () => {
        const { recorder, open, offset, committed } = await world()
        const [large, small] = [unique('large'), unique('small')]
        await transport.createTopics([
          { name: large, partitions: 1, config: { 'max.message.bytes': '2000000' } },
          { name: small, partitions: 1, config: { 'max.message.bytes': '20000' } },
        ])
        const producer = await open()
        const values = Array.from({ length: 4 }, () => randomBytes(1024 * 1024))
        const failures: [unknown, string][] = []
        const delivery: Delivery = { delivered: () => undefined, failed: (error, origin) => failures.push([origin, error.code]) }

        await run(producer, recorder.member, [offset(8)], (to) => {
          for (const value of values) to.append({ topic: large, partition: 0 }, { ...text('k', null, 1000), value }, delivery, null)
          for (let i = 0; i < 2000; i++)
            to.append({ topic: small, partition: 0 }, text('k', `${i} ${'x'.repeat(i === 900 ? 30_000 : 90)}`, 1000 + i), delivery, i)
        })

        expect(failures).toEqual([[900, 'MR_RECORD_TOO_LARGE']])
        const all = async (topic: string) => {
          const [end] = await transport.listOffsets([{ topic, partition: 0 }], 'end')
          return (await readTo(transport, { topic, partition: 0, offset: 0 }, end?.offset ?? 0)).records
        }
        expect((await all(large)).map((record, i) => values[i]?.equals(record.value ?? Buffer.alloc(0)))).toEqual(values.map(() => true))
        expect((await all(small)).map((record) => record.timestamp - 1000)).toEqual(
          Array.from({ length: 2000 }, (_, i) => i).filter((i) => i !== 900),
        )
        expect(await committed()).toEqual([offset(8)])
      },
      timeoutMs,
    )

    it(
      'refuses a generation that is over, and nothing of it is seen; the producer goes on',
      async () => {
        const { input, group, recorder, open, offset, committed, write, read } = await world()
        const producer = await open()
        const old = recorder.member
        await transport.join(groupOptions(group, [input]), new Recorder())
        await recorder.until(() => recorder.generations.length > 1)

        const outcome = await codeOf(run(producer, old, [offset(9)], (to) => write(to, 'zombie')))
        await run(producer, recorder.member, [offset(1)], (to) => write(to, 'current'))

        expect(outcome).toBe('MR_FENCED')
        expect(await read()).toEqual(['current'])
        expect(await committed()).toEqual([offset(1)])
      },
      timeoutMs,
    )

    it(
      'fences the producer that had the id before',
      async () => {
        const { recorder, open, offset, committed, write, read } = await world()
        const first = await open()
        await run(first, recorder.member, [offset(1)], (to) => write(to, 'first'))
        const second = await open()
        await run(second, recorder.member, [offset(2)], (to) => write(to, 'second'))

        const outcome = await codeOf(run(first, recorder.member, [offset(9)], (to) => write(to, 'zombie')))

        expect(['MR_FENCED', 'MR_ABORTED']).toContain(outcome)
        expect(await read()).toEqual(['first', 'second'])
        expect(await committed()).toEqual([offset(2)])
      },
      timeoutMs,
    )

    it(
      'says so when a topic is missing',
      async () => {
        const { recorder, open } = await world()
        const producer = await open()
        const failures: string[] = []
        const delivery: Delivery = { delivered: () => undefined, failed: (error) => failures.push(error.code) }
        const missing = { topic: unique('missing'), partition: 0 }

        const outcome = await codeOf(run(producer, recorder.member, [], (to) => to.append(missing, text('k', 'v', 1), delivery, null)))

        expect([...failures, outcome]).toContain('MR_TOPIC_MISSING')
      },
      timeoutMs * 2,
    )
  })
}

import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, type Clock } from '../../../lib/core/clock.js'
import { MillraceError } from '../../../lib/core/errors.js'
import { Log } from '../../../lib/transport/embedded/log.js'
import { createMemoryLog, leaseLog } from '../../../lib/transport/embedded/registry.js'
import { memoryStorage } from '../../../lib/transport/embedded/storage.js'
import { embeddedTransport } from '../../../lib/transport/embedded/transport.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, produce, readTo, Recorder } from '../recorder.js'

const clockAt = (now: number): Clock & { now: () => number; set: (to: number) => void; due: (() => void)[] } => {
  const due: (() => void)[] = []
  let time = now
  return {
    due,
    now: () => time,
    set: (to) => (time = to),
    after: (_delay, f) => {
      due.push(f)
      return { cancel: () => void due.splice(due.indexOf(f) >>> 0, 1) }
    },
  }
}
const at = { topic: 't', partition: 0 }
const valuesOf = async (transport: Awaited<ReturnType<typeof embeddedTransport>>): Promise<(string | null)[]> => {
  const [start] = await transport.listOffsets([at], 'earliest')
  const [end] = await transport.listOffsets([at], 'end')
  return (await readTo(transport, start ?? { ...at, offset: 0 }, end?.offset ?? 0)).records.map((record) => record.utf8Value())
}
const opened = async (config: Readonly<Record<string, string>> = {}, clock: Clock = systemClock) => {
  const log = createMemoryLog({ clock })
  const transport = await embeddedTransport({ log, clock })
  await transport.createTopics([{ name: 't', partitions: 1, config }])
  return { log, transport }
}

describe('Log', () => {
  it('removes batches older than retention.ms, keeps the offsets of the others', async () => {
    const clock = clockAt(10_000)
    const { log, transport } = await opened({ 'retention.ms': '1000' }, clock)
    for (const time of [9500, 9900]) await produce(transport, at, [text('k', String(time), time)])
    clock.set(10_600)

    await log.clean()

    expect(await valuesOf(transport)).toEqual(['9900'])
    expect((await transport.listOffsets([at], 'earliest'))[0]?.offset).toBe(1)
  })

  it('applies retention.bytes as records come', async () => {
    const { log, transport } = await opened({ 'retention.bytes': '1000' })
    for (let i = 0; i < 10; i++) await produce(transport, at, [text('k', 'x'.repeat(300), i)])
    for (let turn = 0; turn < 3; turn++) await log.flushed()

    expect(log.partition(at).byteLength).toBeLessThanOrEqual(1000)
    expect((await transport.listOffsets([at], 'end'))[0]?.offset).toBe(10)
  })

  it('keeps everything when no retention is set', async () => {
    const { log, transport } = await opened()
    await produce(transport, at, [text('k', 'old', 0)])

    await log.clean()

    expect(await valuesOf(transport)).toEqual(['old'])
  })

  it('stamps the time of the log where the topic says so', async () => {
    const { transport } = await opened({ 'message.timestamp.type': 'LogAppendTime' }, clockAt(5000))
    await produce(transport, at, [text('k', 'v', 1)])

    expect((await readTo(transport, { ...at, offset: 0 }, 1)).records[0]?.timestamp).toBe(5000)
  })

  it('drops old tombstones when it compacts, and still ends where it ended', async () => {
    const clock = clockAt(1000)
    const { log, transport } = await opened({ 'cleanup.policy': 'compact', 'delete.retention.ms': '500' }, clock)
    await produce(transport, at, [text('a', '1', 1000), text('a', null, 1000)])
    clock.set(1400)
    await log.clean()
    expect(await valuesOf(transport)).toEqual([null])
    clock.set(1600)
    await log.clean()

    expect(await valuesOf(transport)).toEqual([])
    expect((await transport.listOffsets([at], 'end'))[0]?.offset).toBe(2)
  })

  it('compacts by itself when half of a partition may be out of date', async () => {
    const { log, transport } = await opened({ 'cleanup.policy': 'compact' })
    const value = 'x'.repeat(100_000)
    for (let i = 0; i < 300; i++) await produce(transport, at, [text('same', value, i)])
    for (let turn = 0; turn < 3; turn++) await log.flushed()

    expect(log.partition(at).byteLength).toBeLessThan(16 * 1024 * 1024)
  })

  it('keeps of each key the newest, with its offset, over any compactions, deletions and reopenings', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd')
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.array(fc.tuple(key, fc.option(fc.nat(99))), { minLength: 1, maxLength: 6 }).map((rows) => ({ rows })) },
      { weight: 2, arbitrary: fc.constant({ clean: true }) },
      { weight: 1, arbitrary: fc.constant({ reopen: true }) },
      { weight: 1, arbitrary: fc.nat(10).map((below) => ({ below })) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        const stateDir = mkdtempSync(join(tmpdir(), 'millrace-log-'))
        let transport = await embeddedTransport({ stateDir, clock: systemClock })
        await transport.createTopics([{ name: 't', partitions: 1, config: { 'cleanup.policy': 'compact' } }])
        const written: { key: string; value: string | null }[] = []
        const given: unknown[] = []
        let start = 0
        for (const one of steps) {
          if ('rows' in one) {
            const rows = one.rows.map(([name, value]) => ({ key: name, value: value === null ? null : String(value) }))
            const offsets = await produce(
              transport,
              at,
              rows.map((row) => text(row.key, row.value, Date.now())),
            )
            given.push(...offsets)
            written.push(...rows)
          } else if ('clean' in one) {
            const { log, release } = leaseLog(stateDir, systemClock)
            await log.clean()
            release()
          } else if ('reopen' in one) {
            await transport.close()
            transport = await embeddedTransport({ stateDir, clock: systemClock })
          } else {
            start = Math.max(start, Math.min(one.below, written.length))
            await transport.deleteRecords([{ ...at, offset: one.below }])
          }
        }

        const { records, nextOffset } = await readTo(transport, { ...at, offset: start }, written.length)
        await transport.close()
        rmSync(stateDir, { recursive: true })

        expect(given).toEqual([...written.keys()])
        expect(nextOffset).toBe(written.length)
        const found = records.map((record) => ({ key: record.utf8Key(), value: record.utf8Value() }))
        expect(found).toEqual(records.map((record) => written[record.offset]))
        const newest = ['a', 'b', 'c', 'd']
          .map((name) => written.findLastIndex((row) => row.key === name))
          .filter((offset) => offset >= start)
        expect(records.map((record) => record.offset)).toEqual(expect.arrayContaining(newest))
      }),
      { numRuns: 40 },
    )
  }, 30_000)

  it('acknowledges nothing and shows nothing when it cannot be written, and goes on when it can', async () => {
    let isFull = false
    const storage = memoryStorage()
    const transact = (write: () => void): void => {
      storage.transact(write)
      if (isFull) throw new MillraceError('MR_STATE_WRITE', 'no space left')
    }
    const log = new Log({ ...storage, transact }, systemClock)
    const transport = await embeddedTransport({ log, clock: systemClock })
    await transport.createTopics([{ name: 't', partitions: 1, config: {} }])
    await produce(transport, at, [text('k', 'a')])

    isFull = true
    const [outcome] = await produce(transport, at, [text('k', 'lost')])
    isFull = false
    const [after] = await produce(transport, at, [text('k', 'b')])

    expect(outcome).toMatchObject({ code: 'MR_STATE_WRITE' })
    expect(after).toBe(1)
    expect(await valuesOf(transport)).toEqual(['a', 'b'])
  })
})

describe('groups of the embedded log', () => {
  it('drop a member that is killed without asking it, and take nothing more from it', async () => {
    const log = createMemoryLog({ clock: systemClock })
    const [first, second] = [await embeddedTransport({ log, clock: systemClock }), await embeddedTransport({ log, clock: systemClock })]
    await first.createTopics([{ name: 't', partitions: 2, config: {} }])
    const [one, other] = [new Recorder(), new Recorder()]
    await first.join(groupOptions('g', ['t'], { nodeId: 'a' }), one)
    await second.join(groupOptions('g', ['t'], { nodeId: 'b' }), other)
    await one.until(() => one.generations.length > 1)
    const before = one.events.length
    const producer = await first.producer()
    producer.append(
      at,
      text('k', 'never'),
      { delivered: () => one.events.push('delivered'), failed: () => one.events.push('failed') },
      null,
    )
    const commit = one.member.commit([{ ...at, offset: 1, metadata: '' }])

    first.kill()

    await expect(commit).rejects.toMatchObject({ code: 'MR_FENCED' })
    await other.until(() => other.names.length === 2)
    expect(one.events.slice(before)).toEqual([])
    expect(one.member.isAlive()).toBe(false)
    await expect(one.member.committed([at])).rejects.toMatchObject({ code: 'MR_FENCED' })
    expect(await other.member.committed([at])).toEqual([])
    expect(await valuesOf(second)).toEqual([])
    await expect(first.describeTopics(['t'])).rejects.toMatchObject({ code: 'MR_APP_STOPPED' })
  })

  it('go on without a member whose revoke takes too long; it is told that it has lost, and joins again', async () => {
    const clock = clockAt(0)
    const { transport } = await opened({}, clock)
    await transport.createTopics([{ name: 'u', partitions: 2, config: {} }])
    const [slow, other] = [new Recorder(), new Recorder()]
    let release = (): void => undefined
    slow.onRevoke = () => new Promise((resolve) => (release = resolve))
    await transport.join(groupOptions('g', ['u'], { nodeId: 'a' }), slow)
    const old = slow.member
    const joining = transport.join(groupOptions('g', ['u'], { nodeId: 'b' }), other)
    await slow.until(() => slow.events.includes('revoke'))

    for (const f of clock.due.splice(0)) f()
    await joining

    expect(other.names).toEqual(['u-0', 'u-1'])
    await expect(old.commit([{ topic: 'u', partition: 0, offset: 1, metadata: '' }])).rejects.toMatchObject({ code: 'MR_FENCED' })
    expect(slow.events).not.toContain('lost')
    release()
    await slow.until(() => slow.generations.length === 2)
    expect(slow.events.filter((event) => event !== 'chunk')).toEqual(['assigned', 'revoke', 'revoked', 'lost', 'assigned'])
    await transport.close()
  })

  it('assign those who join in one turn together', async () => {
    const { transport } = await opened()
    await transport.createTopics([{ name: 'u', partitions: 4, config: {} }])
    const [one, other] = [new Recorder(), new Recorder()]

    await Promise.all([
      transport.join(groupOptions('g', ['u'], { nodeId: 'a' }), one),
      transport.join(groupOptions('g', ['u'], { nodeId: 'b' }), other),
    ])

    expect([one, other].map((recorder) => [recorder.generations.length, recorder.names.length])).toEqual([
      [1, 2],
      [1, 2],
    ])
    await transport.close()
  })

  it('bring no chunk of an earlier assignment after a later one', async () => {
    const { transport } = await opened()
    await transport.createTopics([{ name: 'u', partitions: 2, config: {} }])
    for (const partition of [0, 1]) for (let i = 0; i < 20; i++) await produce(transport, { topic: 'u', partition }, [text('k', String(i))])
    const recorder = new Recorder()
    await transport.join(groupOptions('g', ['u'], { nodeId: 'a', fetchBytes: 1 }), recorder)
    await recorder.until(() => recorder.chunks.length > 4)
    recorder.startAt = () => null

    await transport.join(groupOptions('g', ['u'], { nodeId: 'b' }), new Recorder())
    const heard = recorder.chunks.length
    await produce(transport, { topic: 'u', partition: 0 }, [text('k', 'more')])
    await produce(transport, { topic: 'u', partition: 1 }, [text('k', 'more')])

    expect(recorder.chunks).toHaveLength(heard)
    await transport.close()
  })

  it('settle leave, also of a member that never had an assignment', async () => {
    const { transport } = await opened()
    const recorder = new Recorder()
    const member = await transport.join(groupOptions('g', ['t']), recorder)

    await Promise.all([member.leave(1000), member.leave(1000)])
    await transport.close()
    await transport.close()

    expect(recorder.events.filter((event) => event === 'revoke')).toHaveLength(1)
  })
})

describe('embeddedTransport', () => {
  it('shares one log in memory between those who are open at a time, and keeps nothing after them', async () => {
    const open = () => embeddedTransport({ stateDir: ':memory:', clock: systemClock })
    const [one, other] = [await open(), await open()]
    await one.createTopics([{ name: 't', partitions: 1, config: {} }])
    await one.close()

    expect((await other.describeTopics(['t'])).size).toBe(1)
    await other.close()
    const third = await open()
    expect((await third.describeTopics(['t'])).size).toBe(0)
    await third.close()
  })
})

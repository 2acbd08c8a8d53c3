import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../lib/core/clock.js'
import { tryLock } from '../../../lib/core/file-lock.js'
import { embeddedTransport } from '../../../lib/transport/embedded/transport.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, produce, readTo, Recorder } from '../recorder.js'

describe('the log in a folder', () => {
  let stateDir: string
  beforeEach(() => (stateDir = mkdtempSync(join(tmpdir(), 'millrace-log-'))))
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }))
  const open = () => embeddedTransport({ stateDir, clock: systemClock })

  it('has after a restart what it had: topics, settings, records, offsets of groups', async () => {
    const before = await open()
    await before.createTopics([{ name: 't', partitions: 2, config: { 'cleanup.policy': 'compact' } }])
    await produce(before, { topic: 't', partition: 1 }, [text('a', '1', 5), text('b', '2', 6)])
    const member = await before.join(groupOptions('g', ['t']), new Recorder())
    await member.commit([{ topic: 't', partition: 1, offset: 1, metadata: 'mark' }])
    await before.close()

    const after = await open()

    expect((await after.describeTopics(['t'])).get('t')).toEqual({ name: 't', partitions: 2, isCompacted: true })
    const { records } = await readTo(after, { topic: 't', partition: 1, offset: 0 }, 2)
    expect(records.map((record) => [record.offset, record.timestamp, record.utf8Key(), record.utf8Value()])).toEqual([
      [0, 5, 'a', '1'],
      [1, 6, 'b', '2'],
    ])
    const again = await after.join(groupOptions('g', ['t']), new Recorder())
    expect(await again.committed([{ topic: 't', partition: 1 }])).toEqual([{ topic: 't', partition: 1, offset: 1, metadata: 'mark' }])
    expect(await produce(after, { topic: 't', partition: 1 }, [text('c', '3')])).toEqual([2])
    await after.close()
  })

  it('has every acknowledged record once and in order, however often its process is killed', async () => {
    const acknowledged = [0, 0]
    for (let kill = 0; kill < 10; kill++) {
      const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'durability.child.ts'), stateDir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      // Each line is an acknowledgement: partition and offset. Killed after a random number of them.
      let left = 1 + Math.floor(Math.random() * 400)
      let rest = ''
      child.stdout.on('data', (data: Buffer) => {
        const lines = (rest + data.toString()).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          const [partition, offset] = line.split(' ').map(Number)
          acknowledged[partition ?? 0] = Math.max(acknowledged[partition ?? 0] ?? 0, (offset ?? 0) + 1)
          if (--left === 0) child.kill('SIGKILL')
        }
      })
      await once(child, 'close')
    }

    const transport = await open()
    for (const partition of [0, 1]) {
      const [end] = await transport.listOffsets([{ topic: 't', partition }], 'end')
      const { records } = await readTo(transport, { topic: 't', partition, offset: 0 }, end?.offset ?? 0)
      // The child writes the offset it expects as the value, and goes on from the end it finds.
      expect(records.map((record) => Number(record.utf8Value()))).toEqual(records.map((_, i) => i))
      expect(records.map((record) => record.offset)).toEqual(records.map((_, i) => i))
      expect(records.length).toBeGreaterThanOrEqual(acknowledged[partition] ?? 0)
    }
    expect(Math.min(...acknowledged)).toBeGreaterThan(0)
    await transport.close()
  }, 60_000)

  it('is refused to a second process, by the pid of the first', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'durability.child.ts'), stateDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')

    await expect(open()).rejects.toMatchObject({
      code: 'MR_STATE_LOCKED',
      message: expect.stringContaining(`process ${child.pid}`) as string,
    })

    child.kill('SIGKILL')
    await once(child, 'close')
    await (await open()).close()
  }, 20_000)

  it('gives the lock back when it is closed, also when opening failed', async () => {
    await (await open()).close()
    writeFileSync(join(stateDir, 'log', 'format.json'), '{"format": 99}')

    await expect(open()).rejects.toMatchObject({ code: 'MR_STATE_FORMAT' })

    expect(tryLock(join(stateDir, 'log.lock'))).not.toBeNull()
  })

  it('does not touch a folder of something else', async () => {
    mkdirSync(join(stateDir, 'log'))
    writeFileSync(join(stateDir, 'log', 'mine.txt'), 'mine')

    await expect(open()).rejects.toMatchObject({ code: 'MR_STATE_FORMAT' })

    expect(readFileSync(join(stateDir, 'log', 'mine.txt'), 'utf8')).toBe('mine')
    expect(existsSync(join(stateDir, 'log', 'db'))).toBe(false)
  })

  it.each([
    ['cut', (file: string) => truncateSync(file, 8192)],
    ['overwritten', (file: string) => writeFileSync(file, 'x'.repeat(20_000))],
  ])('is an error when its file was %s, and left as it is', async (_, damage) => {
    const transport = await open()
    await transport.createTopics([{ name: 't', partitions: 1, config: {} }])
    await produce(
      transport,
      { topic: 't', partition: 0 },
      Array.from({ length: 500 }, (__, i) => text('k', 'x'.repeat(500), i)),
    )
    await transport.close()
    const file = join(stateDir, 'log', 'db', 'data.mdb')
    damage(file)
    const left = readFileSync(file)

    await expect(open()).rejects.toMatchObject({ code: 'MR_LOG_DAMAGED' })

    expect(readFileSync(file)).toEqual(left)
  })

  it('is an error when the folder cannot be made', async () => {
    writeFileSync(join(stateDir, 'file'), '')

    await expect(embeddedTransport({ stateDir: join(stateDir, 'file'), clock: systemClock })).rejects.toMatchObject({
      code: 'MR_STATE_WRITE',
    })
  })
})

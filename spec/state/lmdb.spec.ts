import { existsSync, openSync, closeSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../lib/core/clock.js'
import { codec } from '../../lib/core/codec.js'
import { openLmdbFile } from '../../lib/state/lmdb.js'
import type { StateFile } from '../../lib/state/port.js'
import { startChild } from './children/child.js'
import { tempFolder } from './temp-folder.js'

const identity = { app: 'word-count', task: 'lines-3', format: 1 }
const open = (folder: string, as = identity) => openLmdbFile(folder, { identity: as, clock: systemClock })
const fill = (file: StateFile, rows = 1000): void => {
  const store = file.store('words')
  file.commit(() => {
    for (let i = 0; i < rows; i++) store.put(Buffer.from(`word-${i}`), { value: Buffer.alloc(100, i), timestamp: i })
    file.meta.put('offset', rows)
  })
}
const filled = (): string => {
  const folder = join(tempFolder(), 'task')
  const { file } = open(folder)
  fill(file)
  file.close()
  return folder
}
const epochOf = (folder: string): Record<string, unknown> => JSON.parse(readFileSync(join(folder, 'epoch.json'), 'utf8'))
const changeEpoch = (folder: string, change: Record<string, unknown>): void =>
  writeFileSync(join(folder, 'epoch.json'), JSON.stringify({ ...epochOf(folder), ...change }))
const data = (folder: string): string => join(folder, 'db', 'data.mdb')
const overwrite = (path: string, offset: number, bytes: Buffer): void => {
  const fd = openSync(path, 'r+')
  writeSync(fd, bytes, 0, bytes.length, offset)
  closeSync(fd)
}

describe('openLmdbFile', () => {
  it('says what it has found, and marks a clean shutdown', () => {
    const folder = join(tempFolder(), 'task')
    const first = open(folder)
    expect([first.found, epochOf(folder).clean]).toEqual(['fresh', false])
    fill(first.file)
    first.file.close()
    first.file.close()
    expect(epochOf(folder)).toMatchObject({ v: 1, clean: true, app: 'word-count', task: 'lines-3', format: 1 })

    const second = open(folder)
    expect([second.found, second.reason, epochOf(folder).clean]).toEqual(['existing', undefined, false])
    expect([second.file.store('words').count(), second.file.meta.get('offset')]).toEqual([1000, 1000])
    second.file.close()
  })

  it('trusts what a crashed machine has left only if it was shut down cleanly before', () => {
    const clean = filled()
    changeEpoch(clean, { boot: 'another boot' })
    const trusted = open(clean)
    expect(trusted.found).toBe('existing')
    trusted.file.close()

    const torn = filled()
    changeEpoch(torn, { boot: 'another boot', clean: false })
    const { file, found, reason } = open(torn)
    expect([found, reason?.code, file.store('words').count(), file.meta.get('offset')]).toEqual([
      'discarded',
      'MR_STATE_DAMAGED',
      0,
      undefined,
    ])
    expect(existsSync(`${torn}.trash`)).toBe(false)
    file.close()
  })

  it.each<[string, string, (folder: string) => void]>([
    [
      'a file that was cut',
      'MR_STATE_DAMAGED',
      (folder) => truncateSync(data(folder), Math.floor((statSync(data(folder)).size * 0.6) / 4096) * 4096),
    ],
    ['a file that lost its last byte', 'MR_STATE_DAMAGED', (folder) => truncateSync(data(folder), statSync(data(folder)).size - 1)],
    ['a file cut within its first page', 'MR_STATE_DAMAGED', (folder) => truncateSync(data(folder), 100)],
    ['a file of something else', 'MR_STATE_DAMAGED', (folder) => writeFileSync(data(folder), Buffer.alloc(100_000, 'text'))],
    ['a meta page that was overwritten', 'MR_STATE_DAMAGED', (folder) => overwrite(data(folder), 4096, Buffer.alloc(4096))],
    ['a lost side file', 'MR_STATE_DAMAGED', (folder) => rmSync(join(folder, 'epoch.json'))],
    ['a side file that is not JSON', 'MR_STATE_DAMAGED', (folder) => writeFileSync(join(folder, 'epoch.json'), '{"v":1,')],
    ['a side file that is JSON of nothing', 'MR_STATE_DAMAGED', (folder) => writeFileSync(join(folder, 'epoch.json'), 'null')],
    ['a side file of a later version', 'MR_STATE_FORMAT', (folder) => changeEpoch(folder, { v: 2 })],
    ['another data version of LMDB', 'MR_STATE_FORMAT', (folder) => overwrite(data(folder), 28, Buffer.of(1))],
    ['another format', 'MR_STATE_FORMAT', (folder) => changeEpoch(folder, { format: 2 })],
    ['the state of another app', 'MR_TOPOLOGY_CHANGED', (folder) => changeEpoch(folder, { app: 'other' })],
    ['the state of another task', 'MR_TOPOLOGY_CHANGED', (folder) => changeEpoch(folder, { task: 'lines-4' })],
  ])('sets %s aside and starts empty', (_what, code, damage) => {
    const folder = filled()
    damage(folder)

    const { file, found, reason } = open(folder)

    expect([found, reason?.code, file.store('words').count()]).toEqual(['discarded', code, 0])
    fill(file, 10)
    file.close()
    const again = open(folder)
    expect([again.found, again.file.store('words').count()]).toEqual(['existing', 10])
    again.file.close()
  })

  it('takes a folder whose owner died before there was any data for a fresh one', () => {
    const folder = join(tempFolder(), 'task')
    mkdirSync(join(folder, 'db'), { recursive: true })
    writeFileSync(data(folder), '')
    const { file, found } = open(folder)
    expect(found).toBe('fresh')
    file.close()
  })

  it('removes what an earlier discard that was killed has left', () => {
    const folder = filled()
    mkdirSync(`${folder}.trash/db`, { recursive: true })
    open(folder).file.close()
    expect(existsSync(`${folder}.trash`)).toBe(false)
  })

  it('refuses a folder that this process has open', () => {
    const folder = join(tempFolder(), 'task')
    const { file } = open(folder)
    expect(() => open(folder)).toThrow('MR_STATE_LOCKED')
    file.close()
    open(folder).file.close()
  })

  it('says so when the folder cannot be written', () => {
    const folder = join(tempFolder(), 'task')
    writeFileSync(folder, 'a file where the folder belongs')
    expect(() => open(folder)).toThrow('MR_STATE_WRITE')
  })

  it('removes all of it on destroy', () => {
    const folder = filled()
    open(folder).file.destroy()
    expect([existsSync(folder), existsSync(`${folder}.trash`)]).toEqual([false, false])
    const { file, found } = open(folder)
    expect(found).toBe('fresh')
    file.close()
  })

  it('keeps its size while rows are overwritten, also while ranges are read halfway', () => {
    const folder = join(tempFolder(), 'task')
    const { file } = open(folder)
    const store = file.store('words')
    const overwriteSome = (round: number): void =>
      file.commit(() => {
        for (let i = 0; i < 200; i++)
          store.put(Buffer.from(`word-${(i * 37 + round * 101) % 2000}`), { value: Buffer.alloc(100, round), timestamp: round })
      })
    for (let round = 0; round < 100; round++) overwriteSome(round)
    const before = statSync(data(folder)).size
    const halfway = Array.from({ length: 20 }, () => store.entries()[Symbol.iterator]())
    for (const range of halfway) range.next()

    for (let round = 100; round < 600; round++) overwriteSome(round)

    expect(statSync(data(folder)).size).toBeLessThan(1.3 * before)
    expect([...{ [Symbol.iterator]: () => halfway[0] ?? [].values() }].length).toBeGreaterThan(1900)
    file.close()
  })

  it('rolls a commit back when the disk is full, reads on, and takes a smaller one', async () => {
    const folder = join(tempFolder(), 'task')
    const child = startChild('full-disk.ts', [folder], { maxFileKiB: 512 })
    const line = await child.nextLine()
    expect(await child.ended).toBe(0)

    expect(JSON.parse(line ?? 'null')).toEqual({ code: 'MR_STATE_WRITE', count: 1, offset: 1, then: { count: 2, offset: 3 } })
    const { file, found } = open(folder, { app: 'a', task: 't', format: 1 })
    expect([found, file.store('s').count(), file.meta.get('offset')]).toEqual(['existing', 2, 3])
    file.close()
  }, 60_000)

  it('holds exactly the inputs it says it holds, after each of 25 kills', async () => {
    const folder = join(tempFolder(), 'task')
    let before = 0
    for (let kill = 0; kill < 25; kill++) {
      const child = startChild('word-count.ts', [folder])
      expect(await child.nextLine()).toBe(kill === 0 ? 'fresh' : 'existing')
      for (let commits = (kill * 13) % 40; commits >= 0; commits--) await child.nextLine()
      child.kill()
      expect(await child.ended).toBe('SIGKILL')

      const { file, found } = open(folder, { app: 'word-count', task: 'lines-0', format: 1 })
      const offset = Number(file.meta.get('offset'))
      let sum = 0
      for (const [, row] of file.store('counts').entries()) sum += codec.number.decode(row.value)
      expect([found, sum]).toEqual(['existing', offset])
      expect(offset).toBeGreaterThan(before)
      before = offset
      file.close()
    }
  }, 120_000)
})

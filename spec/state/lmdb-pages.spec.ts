import { closeSync, copyFileSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { systemClock } from '../../lib/core/clock.js'
import { damageOf } from '../../lib/state/lmdb-pages.js'
import { openLmdbFile } from '../../lib/state/lmdb.js'
import { startChild } from './children/child.js'
import { tempFolder } from './temp-folder.js'

const identity = { app: 'a', task: 't', format: 1 }
const pageSize = 4096

describe('damageOf', () => {
  it('finds nothing in what LMDB has written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: -1, max: 20_000 })), { maxLength: 300 }), { maxLength: 12 }),
        (commits) => {
          const folder = join(tempFolder(), 'task')
          const { file } = openLmdbFile(folder, { identity, clock: systemClock })
          for (const writes of commits) {
            const store = file.store(`s${writes.length % 3}`)
            file.commit(() => {
              for (const [key, bytes] of writes) {
                if (bytes < 0) store.remove(Buffer.from(`k${key}`))
                else store.put(Buffer.from(`k${key}`), { value: Buffer.alloc(bytes % (key % 7 === 0 ? 20_000 : 100)), timestamp: 1 })
              }
              if (writes.length % 10 === 9) store.clear()
            })
            expect(damageOf(join(folder, 'db', 'data.mdb'), { deep: true })).toBeNull()
          }
          file.close()
        },
      ),
      { numRuns: 40 },
    )
  })

  it('finds any page that was zeroed, but for those nobody reads', async () => {
    const folder = join(tempFolder(), 'task')
    const { file } = openLmdbFile(folder, { identity, clock: systemClock })
    const store = file.store('words')
    file.commit(() => {
      for (let i = 0; i < 3000; i++)
        store.put(Buffer.from(`word-${i}`), { value: Buffer.alloc(i % 500 === 0 ? 10_000 : 50, 1), timestamp: i })
    })
    file.close()
    const whole = join(folder, 'db', 'data.mdb')
    const damaged = join(tempFolder(), 'data.mdb')
    const unnoticed: number[] = []
    for (let page = 2; page < statSync(whole).size / pageSize; page++) {
      copyFileSync(whole, damaged)
      const fd = openSync(damaged, 'r+')
      writeSync(fd, Buffer.alloc(pageSize), 0, pageSize, page * pageSize)
      closeSync(fd)
      if (damageOf(damaged, { deep: true }) === null) unnoticed.push(page)
    }

    // Free pages, and what follows the first page of a large value, which has no head.
    const large = 6 * 2
    expect(unnoticed.length).toBeLessThan(large + 12)
    expect(readFileSync(whole).length / pageSize).toBeGreaterThan(60)
  })

  const damagedFile = (): string => {
    const folder = join(tempFolder(), 'task')
    const { file } = openLmdbFile(folder, { identity: { app: 'word-count', task: 'lines-0', format: 1 }, clock: systemClock })
    const store = file.store('counts')
    file.commit(() => {
      for (let i = 0; i < 20_011; i++) store.put(Buffer.from(`w${i}`), { value: Buffer.alloc(8), timestamp: i })
    })
    file.close()
    const data = join(folder, 'db', 'data.mdb')
    const fd = openSync(data, 'r+')
    for (let page = 10; page < statSync(data).size / pageSize - 10; page++)
      writeSync(fd, Buffer.alloc(pageSize), 0, pageSize, page * pageSize)
    closeSync(fd)
    return folder
  }

  it('heals a file that ends its process: the next start sets it aside', async () => {
    const folder = damagedFile()

    const first = startChild('word-count.ts', [folder])
    expect(await first.nextLine()).toBe('existing')
    expect(await first.ended).not.toBe(0)

    const second = startChild('word-count.ts', [folder])
    expect(await second.nextLine()).toBe('discarded')
    expect(await second.nextLine()).toBe('1')
    second.kill()
    await second.ended
  }, 60_000)

  it('heals a file that could not be read, though its app has stopped in good order', async () => {
    const folder = damagedFile()

    const first = startChild('reader.ts', [folder])
    expect([await first.nextLine(), await first.nextLine(), await first.ended]).toEqual(['existing', 'MR_STATE_DAMAGED', 0])

    const second = startChild('reader.ts', [folder])
    expect([await second.nextLine(), await second.nextLine(), await second.ended]).toEqual(['discarded', 'none', 0])
  }, 60_000)
})

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockOwner, tryLock } from '../../lib/core/file-lock.js'

const children: ChildProcess[] = []
const child = (mode: string, path: string, rounds = 0): ChildProcess => {
  const started = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'file-lock.child.ts'), mode, path, String(rounds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(started)
  return started
}

describe('tryLock', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
    path = join(folder, 'deep', 'lock')
  })
  afterEach(() => children.splice(0).forEach((started) => started.kill('SIGKILL')))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('gives the lock once, and again after it was released', () => {
    const first = tryLock(path)

    expect(first).not.toBeNull()
    expect(tryLock(path)).toBeNull()
    expect(lockOwner(path)).toBe(process.pid)

    first?.release()
    first?.release()

    expect(lockOwner(path)).toBeNull()
    expect(tryLock(path)).not.toBeNull()
  })

  it('refuses while another process holds it, and takes over when that was killed', async () => {
    const holder = child('hold', path)
    if (holder.stdout) await once(holder.stdout, 'data')

    expect(tryLock(path)).toBeNull()
    expect(lockOwner(path)).toBe(holder.pid)

    holder.kill('SIGKILL')
    await once(holder, 'exit')

    expect(lockOwner(path)).toBeNull()
    expect(tryLock(path)).not.toBeNull()
    expect(lockOwner(path)).toBe(process.pid)
    expect(readdirSync(join(folder, 'deep'))).toEqual(['lock'])
  }, 20_000)

  it('does not take a pid that was used again for the owner', () => {
    tryLock(path)
    const mine: unknown = JSON.parse(readFileSync(path, 'utf8'))
    writeFileSync(path, JSON.stringify({ ...(mine as object), started: 'long ago' }))

    expect(lockOwner(path)).toBeNull()
    expect(tryLock(path)).not.toBeNull()
  })

  it('takes over a lock of an earlier boot', () => {
    tryLock(path)
    const mine: unknown = JSON.parse(readFileSync(path, 'utf8'))
    writeFileSync(path, JSON.stringify({ ...(mine as object), boot: 'another' }))

    expect(tryLock(path)).not.toBeNull()
  })

  it('takes over a file that lost its content, also when its takeover lost it too', () => {
    tryLock(path)?.release()
    writeFileSync(path, '')
    tryLock(path)
    writeFileSync(path, '{"pid":')

    expect(tryLock(path)).not.toBeNull()
    expect(tryLock(path)).toBeNull()
  })

  it('has one owner at a time when several processes race for locks of the dead', async () => {
    const racers = [child('race', path, 150), child('race', path, 150), child('race', path, 150)]

    const codes = await Promise.all(racers.map(async (racer) => (await once(racer, 'exit'))[0] as unknown))

    expect(codes).toEqual([0, 0, 0])
  }, 60_000)
})

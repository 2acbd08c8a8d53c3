import { mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const inMemory = '/dev/shm'
const roomBytes = 256 * 1024 * 1024

/**
 * A folder for the state of a test. What crashes in a test is a process, never the machine, so a file system in memory is disk enough,
 * and a sync costs nothing there. A `TMPDIR` that is set is kept to.
 */
export const scratchFolder = (): string =>
  mkdtempSync(join(process.env['TMPDIR'] === undefined && hasRoom() ? inMemory : tmpdir(), 'millrace-test-'))

const hasRoom = (): boolean => {
  try {
    const { bavail, bsize } = statfsSync(inMemory)
    return bavail * bsize >= roomBytes
  } catch {
    return false // no Linux, or one without it
  }
}

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const ownerOf = (folder: string): number | null => {
  try {
    return Number(readFileSync(join(folder, 'pid'), 'utf8')) || null
  } catch {
    return null
  }
}

const take = (folder: string): boolean => {
  try {
    mkdirSync(folder)
    writeFileSync(join(folder, 'pid'), String(process.pid))
    return true
  } catch {
    return false
  }
}

/** Runs `work` in one process at a time; a lock left by a dead process is taken over. */
export const exclusively = async <A>(folder: string, work: () => Promise<A>): Promise<A> => {
  while (!take(folder)) {
    const owner = ownerOf(folder)
    if (owner !== null && !isAlive(owner)) rmSync(folder, { recursive: true, force: true })
    else await sleep(50)
  }
  try {
    return await work()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tryLock } from '../../lib/core/file-lock.js'

const [mode, path = '', rounds] = process.argv.slice(2)

/** As `kill -9` would leave it, without the cost of a process. */
const dieHolding = (): void => {
  const owner: unknown = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(`${path}-dead-${process.pid}`, JSON.stringify({ ...(owner as object), started: 'gone' }))
  renameSync(`${path}-dead-${process.pid}`, path)
}

const race = (): void => {
  for (let won = 0; won < Number(rounds);) {
    const lock = tryLock(path)
    if (lock === null) continue
    won++
    closeSync(openSync(`${path}-busy`, 'wx')) // throws when another process is in here
    rmSync(`${path}-busy`)
    if (won % 3 === 0) lock.release()
    else dieHolding()
  }
}

if (mode === 'hold') {
  tryLock(path)
  process.stdout.write('held\n')
  setInterval(() => undefined, 1000)
} else race()

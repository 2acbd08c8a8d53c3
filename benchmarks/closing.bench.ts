/**
 * 100k windows that a jump of time closes at once: how long the event loop is blocked by telling and closing them, by deleting them
 * when they have been readable for long enough, and by the commits after that. CPU of the longest turn, and its time by the clock,
 * which other work on the machine makes longer.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuUsage, stdout } from 'node:process'
import { performance } from 'node:perf_hooks'
import { codec } from '../lib/core/codec.js'
import type { RunnableApp } from '../lib/runtime/app.js'
import { topic } from '../lib/topology/topic.js'
import { session, sliding, tumbling, type FixedWindows, type SessionWindows } from '../lib/window/windows.js'
import { filledLog, runApp, stopApp } from './embedded.js'

const keys = 100_000
const clicks = topic('clicks', { key: codec.string, value: codec.string, partitions: 1 })
const finals = topic('finals', { key: codec.windowed(codec.string), value: codec.number, partitions: 1 })

interface Turns {
  readonly turns: number
  readonly longestCpuMs: number
  readonly longestMs: number
  readonly seconds: number
}

/** Looks at the clocks in each turn of the event loop while `work` goes on. */
const turnsOf = async (work: () => Promise<unknown>): Promise<Turns> => {
  const startedAt = performance.now()
  let [turns, longestCpu, longest, at, cpu, isOver] = [0, 0, 0, performance.now(), cpuUsage(), false]
  const look = (): void => {
    const { user, system } = cpuUsage(cpu)
    turns++
    longestCpu = Math.max(longestCpu, user + system)
    longest = Math.max(longest, performance.now() - at)
    at = performance.now()
    cpu = cpuUsage()
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  await work()
  isOver = true
  const ms = (n: number): number => Number(n.toFixed(1))
  return { turns, longestCpuMs: ms(longestCpu / 1000), longestMs: ms(longest), seconds: ms((performance.now() - startedAt) / 1000) }
}

const send = (app: RunnableApp, timestamp: number) => async () => {
  await app.send(clicks, 'zzz', 'x', { timestamp })
  await app.processed()
}

const measure = async (name: string, windows: FixedWindows | SessionWindows, folder: string): Promise<void> => {
  const log = await filledLog(clicks.name, 1, keys, (i) => ({ key: `user-${i}`, value: Buffer.from('x'), timestamp: i % 10 }))
  const app = await runApp(
    log,
    (app) => {
      const group = app.stream(clicks).groupByKey()
      const table = windows._tag === 'SessionWindows' ? group.window(windows).count() : group.window(windows).count()
      table.toStream().toTopic(finals)
    },
    join(folder, name),
  )
  const line = (phase: string, turns: Turns): void =>
    void stdout.write(`${JSON.stringify({ bench: 'closing', windows: name, keys, phase, ...turns })}\n`)
  line('tell and close', await turnsOf(send(app, 10_012)))
  line('commit', await turnsOf(() => app.settled()))
  // They go with the records that come.
  const deleting = async (): Promise<void> => {
    for (let i = 0; i < 300; i++) await send(app, 1_000_000 + i)()
    await app.settled()
  }
  line('delete, with the commits', await turnsOf(deleting))
  await stopApp()
}

const main = async (): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  await measure('tumbling', tumbling('10s', { emit: 'final' }), folder)
  await measure('sliding', sliding('10s', { emit: 'final' }), folder)
  await measure('session', session('10s', { emit: 'final' }), folder)
  rmSync(folder, { recursive: true, force: true })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

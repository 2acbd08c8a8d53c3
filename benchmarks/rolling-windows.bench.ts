/**
 * 200 windows of 2,500 keys each, one after the other: memory and the LMDB file stay as they are, however many have expired. And what a
 * live window costs in memory: 500k of them.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryUsage, stdout } from 'node:process'
import { codec } from '../lib/core/codec.js'
import { topic } from '../lib/topology/topic.js'
import { tumbling } from '../lib/window/windows.js'
import { filledLog, runApp, stopApp } from './embedded.js'

const clicks = topic('clicks', { key: codec.string, value: codec.string, partitions: 1 })
const value = Buffer.from('x')
const windows = 200
const keys = 2_500
const live = 500_000

const mb = (bytes: number): number => Math.round(bytes / 1024 / 1024)
const fileMb = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('data.mdb'))
    .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0) /
  1024 /
  1024

const heap = (): number => {
  globalThis.gc?.()
  return memoryUsage().heapUsed
}

/** The log is in memory, too: what it takes is there before the app starts, and what the changelog takes is not measured away. */
const rolling = async (folder: string): Promise<void> => {
  const log = await filledLog(clicks.name, 1, windows * keys, (i) => ({ key: `user-${i % keys}`, value, timestamp: i }))
  const samples: { readonly heapMb: number; readonly rssMb: number; readonly fileMb: number }[] = []
  let seen = 0
  await runApp(
    log,
    (app) => {
      app
        .stream(clicks)
        .groupByKey()
        .window(tumbling(keys))
        .count()
        .toStream()
        .tap(() => {
          if (++seen % ((windows * keys) / 8) === 0)
            samples.push({ heapMb: mb(heap()), rssMb: mb(memoryUsage.rss()), fileMb: Number(fileMb(folder).toFixed(1)) })
        })
        .toSink({ name: 'nowhere', write: () => Promise.resolve() })
    },
    folder,
  )
  stdout.write(`${JSON.stringify({ bench: 'rolling windows', windows, keys, samples })}\n`)
  await stopApp()
}

const alive = async (): Promise<void> => {
  const log = await filledLog(clicks.name, 1, live, (i) => ({ key: `user-${i}`, value, timestamp: 1 }))
  const before = heap()
  await runApp(log, (app) => app.stream(clicks).groupByKey().window(tumbling('1h')).count({ name: 'n' }), ':memory:')
  const used = heap() - before
  await stopApp()
  const plainBefore = heap()
  await runApp(log, (app) => app.stream(clicks).groupByKey().count({ name: 'n' }), ':memory:')
  const plain = heap() - plainBefore
  await stopApp()
  const perKey = (bytes: number): number => Math.round(bytes / live)
  stdout.write(
    `${JSON.stringify({ bench: 'live windows', live, heapBytesPerWindow: perKey(used), heapBytesPerKeyOfAPlainCount: perKey(plain) })}\n`,
  )
}

const main = async (): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  await rolling(folder)
  await alive()
  rmSync(folder, { recursive: true, force: true })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

/**
 * What windows cost beside the plain count of the same records by the same keys, on a log in this process. 500k records of 100k keys;
 * each key has one every 100 s, four partitions.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codec } from '../lib/core/codec.js'
import { hopping, session, sliding, tumbling, type FixedWindows, type SessionWindows } from '../lib/window/windows.js'
import { bench, type BenchCase } from './harness.js'
import { filledLog, runApp, stopApp } from './embedded.js'
import { topic } from '../lib/topology/topic.js'
import type { KGroup, KSession, KWindowed } from '../lib/dsl/surface.js'

const records = 500_000
const keys = 100_000
const clicks = topic('clicks', { key: codec.string, value: codec.bytes, partitions: 4 })
type Grouped = KGroup<string, Uint8Array>
const windowed = (group: Grouped, by: FixedWindows | SessionWindows): KWindowed<string, Uint8Array> | KSession<string, Uint8Array> =>
  by._tag === 'SessionWindows' ? group.window(by) : group.window(by)

const main = async (): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const value = Buffer.from('a click')
  const log = await filledLog(clicks.name, 4, records, (i) => ({
    key: `user-${String((i * 7919) % keys).padStart(6, '0')}`,
    value,
    timestamp: i,
  }))
  let run = 0
  const one = (
    name: string,
    kind: 'memory' | 'lmdb',
    fold: (group: Grouped, store: { name: string; store: 'memory' | 'lmdb' }) => unknown,
  ): BenchCase => ({
    name: `${name}, ${kind}`,
    records,
    run: async () => {
      const store = { name: `counts-${run++}`, store: kind }
      await runApp(log, (app) => fold(app.stream(clicks).groupByKey(), store), kind === 'memory' ? ':memory:' : join(folder, store.name))
    },
    after: stopApp,
  })
  const windows: Readonly<Record<string, FixedWindows | SessionWindows>> = {
    'tumbling 250 s': tumbling('250s'),
    'tumbling 250 s, final': tumbling('250s', { emit: 'final' }),
    'tumbling 10 s, a window for nearly each record': tumbling('10s'),
    'hopping 250 s every 125 s': hopping('250s', { every: '125s' }),
    'sliding 150 s': sliding('150s'),
    'sessions of 150 s, all keys live': session('150s'),
  }
  for (const kind of ['lmdb', 'memory'] as const) {
    const plain = one('plain count', kind, (group, store) => group.count(store))
    const cases = Object.entries(windows).map(([name, by]) => one(name, kind, (group, store) => windowed(group, by).count(store)))
    await bench('windows', [plain, ...cases], { rounds: 3, ratios: cases.map(({ name }) => ({ of: name, to: plain.name })) })
  }
  rmSync(folder, { recursive: true, force: true })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

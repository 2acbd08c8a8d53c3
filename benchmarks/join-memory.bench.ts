/**
 * What the buffer of a join holds in memory and on disk, 200,000 records at a time, while 20 times as many pass through it:
 * bytes per record at the first full one and at the last, rows, size of the file.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryUsage, stdout } from 'node:process'
import { codec } from '../lib/core/codec.js'
import { systemClock } from '../lib/core/clock.js'
import { JoinBuffer } from '../lib/join/join-buffer.js'
import { bufferSpec } from '../lib/join/stream-stream.js'
import { dataFile } from '../lib/state/epoch.js'
import { openLmdbFile } from '../lib/state/lmdb.js'
import { Overlay } from '../lib/state/overlay.js'

const held = 200_000
const rounds = 20
const perCommit = 20_000
const value = 'a value of forty bytes, as long as any is'
const bytes = Buffer.from(value)

const inUse = (): number => {
  globalThis.gc?.()
  const { heapUsed, external } = memoryUsage()
  return heapUsed + external
}

const main = (): void => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const { file } = openLmdbFile(folder, { identity: { app: 'bench', task: 'bench', format: 1 }, clock: systemClock })
  const store = file.store('buffer')
  const { spec } = bufferSpec('buffer', codec.string, codec.string)
  const overlay = new Overlay({ store, key: spec.key, value: spec.value, maxCached: spec.cached ?? NaN })
  const before = inUse()
  const buffer = new JoinBuffer(overlay, held, held)
  const samples: { readonly bytesPerRecord: number; readonly rows: number; readonly fileMb: number }[] = []
  for (let time = 0; time < rounds * held; time++) {
    buffer.add({ time, id: `order-${time}`, value, bytes, isBuffered: true, parkedHeaders: null })
    buffer.advanceTo(time)
    if ((time + 1) % perCommit !== 0) continue
    overlay.dirty()
    file.commit(() => overlay.flush())
    overlay.flushed()
    if ((time + 1) % held !== 0) continue
    const fileMb = Math.round(statSync(dataFile(folder)).size / 1024 / 1024)
    samples.push({ bytesPerRecord: Math.round((inUse() - before) / held), rows: store.count(), fileMb })
  }
  file.destroy()
  rmSync(folder, { recursive: true, force: true })
  const [first, last] = [samples[0], samples.at(-1)]
  stdout.write(`${JSON.stringify({ bench: 'memory: the buffer of a join', held, passed: rounds * held, first, last })}\n`)
}

main()

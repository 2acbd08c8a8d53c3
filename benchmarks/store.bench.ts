import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../lib/core/clock.js'
import { codec } from '../lib/core/codec.js'
import { openLmdbFile } from '../lib/state/lmdb.js'
import { openMemoryFile } from '../lib/state/memory.js'
import { Overlay } from '../lib/state/overlay.js'
import type { StateFile } from '../lib/state/port.js'
import { bench, type BenchCase } from './harness.js'

/**
 * A count per key: one get and one set per record, a commit every so many; beside a plain Map, and beside a Map that is
 * written to LMDB once per commit. Keys arrive as bytes, so each record makes a string of its own, in every case.
 */
const records = 300_000
const everies = [10_000, 100_000]

/** Numbers that look random and are the same in each run. */
const numbers = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const keySets: Readonly<Record<string, () => Buffer[]>> = {
  'hot 1k': () => sample((random) => Math.floor(random() * 1000)),
  'zipf 100k': () => sample((random) => Math.floor(100_000 ** random())),
  'uniform 1M': () => sample((random) => Math.floor(random() * 1_000_000)),
}
const sample = (pick: (random: () => number) => number): Buffer[] => {
  const random = numbers(7)
  return Array.from({ length: records }, () => Buffer.from(`word-${pick(random)}`))
}

type Count = (keys: readonly Buffer[], every: number) => void

const plainMap: Count = (keys) => {
  const counts = new Map<string, number>()
  for (const bytes of keys) {
    const key = bytes.toString('utf8')
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
}

const mapToLmdb: Count = (keys, every) =>
  withLmdb((file) => {
    const store = file.store('counts')
    const counts = new Map<string, number>()
    let changed = new Set<string>()
    let open = every
    const commit = (): void =>
      file.commit(() => {
        for (const key of changed)
          store.put(Buffer.from(key), { value: codec.number.encode(counts.get(key) ?? 0) ?? Buffer.of(), timestamp: 1 })
        changed = new Set()
      })
    for (const bytes of keys) {
      const key = bytes.toString('utf8')
      counts.set(key, (counts.get(key) ?? 0) + 1)
      changed.add(key)
      if (--open === 0) {
        commit()
        open = every
      }
    }
    commit()
  })

const overlay =
  (withFile: (use: (file: StateFile) => void) => void): Count =>
  (keys, every) =>
    withFile((file) => {
      const counts = new Overlay({ store: file.store('counts'), key: codec.string, value: codec.number })
      let open = every
      const commit = (): void => {
        file.commit(() => counts.flush())
        counts.flushed()
      }
      for (const bytes of keys) {
        const key = bytes.toString('utf8')
        counts.set(key, (counts.get(key)?.value ?? 0) + 1, 1)
        if (--open === 0) {
          commit()
          open = every
        }
      }
      if (every < Infinity) commit()
    })

const withLmdb = (use: (file: StateFile) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const { file } = openLmdbFile(join(folder, 'task'), { identity: { app: 'bench', task: 'store', format: 1 }, clock: systemClock })
  use(file)
  file.destroy()
  rmSync(folder, { recursive: true })
}

const inMemory = (use: (file: StateFile) => void): void => use(openMemoryFile())

const casesOf = (keys: string, all: readonly Buffer[]): { readonly cases: BenchCase[]; readonly ratios: { of: string; to: string }[] } => {
  const one = (name: string, count: Count, every: number): BenchCase => ({
    name: `${keys}: ${name}`,
    records,
    run: () => count(all, every),
  })
  const perCommit = everies.flatMap((every) => [
    one(`map to lmdb, commit ${every}`, mapToLmdb, every),
    one(`overlay on lmdb, commit ${every}`, overlay(withLmdb), every),
    one(`overlay on memory, commit ${every}`, overlay(inMemory), every),
  ])
  const ratios = everies.flatMap((every) => [
    { of: `${keys}: overlay on lmdb, commit ${every}`, to: `${keys}: map to lmdb, commit ${every}` },
    { of: `${keys}: overlay on memory, commit ${every}`, to: `${keys}: map` },
  ])
  const never = one('overlay, no commit', overlay(inMemory), Infinity)
  return { cases: [one('map', plainMap, Infinity), never, ...perCommit], ratios: [{ of: never.name, to: `${keys}: map` }, ...ratios] }
}

const main = async (): Promise<void> => {
  for (const [keys, make] of Object.entries(keySets)) {
    const { cases, ratios } = casesOf(keys, make())
    await bench('store', cases, { ratios })
  }
}

void main()

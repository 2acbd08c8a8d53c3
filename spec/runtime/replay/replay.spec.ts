import { codec } from '../../../lib/core/codec.js'
import { headersFrom } from '../../../lib/core/headers.js'
import { partitionOf } from '../../../lib/core/murmur2.js'
import { readBatch } from '../../../lib/transport/batch/reader.js'
import type { Log } from '../../../lib/transport/embedded/log.js'
import { createMemoryLog } from '../../../lib/transport/embedded/registry.js'
import { embeddedTransport } from '../../../lib/transport/embedded/transport.js'
import { createOutput } from '../../../lib/testing/output.js'
import { VirtualClock } from '../../../lib/testing/virtual-clock.js'
import { partitions, random, recordsOf, repartitioningPlan, replayPlan, type Written } from './plan.js'
import { turns, Workers } from './workers.js'

const plan = replayPlan('r')
const records = recordsOf(900, 7)

/** A log that is complete before anybody reads it; `atOnce` records in a batch, at most. */
const completeLog = async (written: readonly Written[], atOnce: number): Promise<Log> => {
  const clock = new VirtualClock(0)
  const log = createMemoryLog({ clock })
  const transport = await embeddedTransport({ log, clock })
  await transport.createTopics(Object.values(plan.inputs).map(({ name }) => ({ name, partitions, config: {} })))
  const producer = await transport.producer()
  for (let from = 0; from < written.length; from += atOnce) {
    const acknowledged = written.slice(from, from + atOnce).map(
      ({ to, key, value, time }) =>
        new Promise<void>((resolve, reject) => {
          const bytes = codec.string.encode(key) ?? Buffer.alloc(0)
          const record = {
            key: bytes,
            value: value === null ? null : Buffer.from(value),
            timestamp: time,
            headers: headersFrom({ of: value ?? '' }),
          }
          const at = { topic: plan.inputs[to].name, partition: partitionOf(bytes, partitions) }
          producer.append(at, record, { delivered: () => resolve(), failed: reject }, null)
        }),
    )
    await Promise.all(acknowledged)
  }
  await transport.close()
  return log
}

/** What lies in each partition of each output, byte for byte. */
const outputsOf = (log: Log): ReadonlyMap<string, readonly string[]> =>
  new Map(
    Object.values(plan.outputs).flatMap(({ name }) =>
      Array.from({ length: partitions }, (_, partition): [string, readonly string[]] => {
        const at = { topic: name, partition, offset: 0 }
        const chunk = log.partition(at).chunk(0, Infinity)
        const raws = (chunk?.batches ?? []).flatMap((batch) => readBatch(batch, 0, at))
        const hex = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : Buffer.from(bytes).toString('hex'))
        return [
          `${name}-${partition}`,
          raws.map(
            ({ key, value, timestamp, headers }) =>
              `${hex(key)} ${hex(value)} ${timestamp} ${JSON.stringify([...headers].map(([n, v]) => [n, hex(v)]))}`,
          ),
        ]
      }),
    ),
  )

type Happening = 'restart' | 'kill' | 'lose' | 'join' | 'leave' | 'pass'
interface Run {
  readonly delivery: 'at-least-once' | 'exactly-once'
  readonly fetchBytes: number
  readonly atOnce: number
  /** Null: nothing happens. */
  readonly seed: number | null
  readonly happenings: readonly Happening[]
}

const happen = async (workers: Workers, what: Happening): Promise<void> => {
  switch (what) {
    case 'restart':
      return workers.start(await workers.stop())
    case 'kill':
      return workers.start(workers.kill())
    case 'lose': {
      const disk = workers.kill()
      workers.lose(disk)
      return workers.start(disk)
    }
    case 'join':
      return workers.count < 3 ? workers.start() : undefined
    case 'leave':
      return workers.count > 1 ? void (await workers.stop()) : undefined
    case 'pass':
      return workers.pass(1000)
  }
}

const replay = async (
  define: typeof plan.define,
  log: Log,
  { delivery, fetchBytes, seed, happenings }: Omit<Run, 'atOnce'>,
): Promise<void> => {
  // Little may be uncommitted, so that commits come in the midst of it all.
  await using workers = new Workers(log, define, { delivery, fetchBytes, dirtyBytes: 4096 })
  await workers.start()
  const next = random(seed ?? 0)
  for (let i = 0; i < (seed === null ? 0 : 12); i++) {
    await turns(next(6))
    await happen(workers, happenings[next(happenings.length)] ?? 'pass')
  }
  await workers.settled()
}

const played = async (run: Run): Promise<ReadonlyMap<string, readonly string[]>> => {
  const log = await completeLog(records, run.atOnce)
  await replay(plan.define, log, run)
  return outputsOf(log)
}

/** What was given again after a crash is taken out: each goes back to something given before, and goes on from there. */
const withoutRepeats = (given: readonly string[], expected: readonly string[]): readonly string[] => {
  let at = 0
  let furthest = 0
  for (const one of given) {
    if (one !== expected[at]) at = expected.lastIndexOf(one, at)
    if (at === -1) return given
    furthest = Math.max(furthest, ++at)
  }
  return expected.slice(0, furthest)
}

const undisturbed: Run = { delivery: 'exactly-once', fetchBytes: 1_048_576, atOnce: 900, seed: null, happenings: [] }
const anything: readonly Happening[] = ['restart', 'kill', 'kill', 'lose', 'join', 'leave', 'pass', 'pass']

describe('a complete log, run again', () => {
  let expected: ReadonlyMap<string, readonly string[]> = new Map()
  beforeAll(async () => (expected = await played(undisturbed)), 60_000)

  it('is a log with all that the plan could give', () => {
    const counts = Object.values(plan.outputs).map(({ name }) =>
      [...expected].filter(([at]) => at.startsWith(`${name}-`)).reduce((sum, [, lines]) => sum + lines.length, 0),
    )
    expect(Math.min(...counts)).toBeGreaterThan(10)
  })

  it.each([
    ['in batches of one record', { atOnce: 1, fetchBytes: 1_048_576 }],
    ['in batches of seven, fetched one by one', { atOnce: 7, fetchBytes: 1 }],
    ['in batches of fifty, fetched a few at a time', { atOnce: 50, fetchBytes: 5000 }],
    ['at least once', { delivery: 'at-least-once' as const }],
  ])('gives the same, byte for byte: %s', async (_, differently) => {
    expect(await played({ ...undisturbed, ...differently })).toEqual(expected)
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'gives the same exactly-once, byte for byte, with crashes, restarts, lost disks and moves on the way (%i)',
    async (seed) => {
      const run = { ...undisturbed, seed, happenings: anything, atOnce: 1 + 9 * seed, fetchBytes: seed % 2 === 0 ? 1 : 2000 }
      expect(await played(run)).toEqual(expected)
    },
    60_000,
  )

  it.each([11, 12, 13, 14])(
    'gives the same at least once, when what is repeated after a crash is taken out (%i)',
    async (seed) => {
      const given = await played({
        ...undisturbed,
        delivery: 'at-least-once',
        seed,
        happenings: ['restart', 'kill', 'kill', 'pass'],
        atOnce: 20,
        fetchBytes: 1000,
      })

      expect(new Map([...given].map(([at, lines]) => [at, withoutRepeats(lines, expected.get(at) ?? [])]))).toEqual(expected)
    },
    60_000,
  )

  it('gives the same counts behind a repartition topic with one worker, two and three, with crashes', async () => {
    const { define, counts } = repartitioningPlan('r')
    const rowsOf = async (workers: number, seed: number | null): Promise<Readonly<Record<string, number>>> => {
      const log = await completeLog(records, 30)
      const joins = Array.from({ length: workers - 1 }, (): Happening => 'join')
      await replay(define, log, { delivery: 'exactly-once', fetchBytes: 2000, seed, happenings: [...joins, 'kill', 'restart', 'pass'] })
      return Object.fromEntries([...createOutput(counts, log).toMap()].sort(([a], [b]) => (a < b ? -1 : 1)))
    }
    const alone = await rowsOf(1, null)

    expect(Object.keys(alone)).toHaveLength(17)
    expect(await rowsOf(1, 21)).toEqual(alone)
    expect(await rowsOf(2, 22)).toEqual(alone)
    expect(await rowsOf(3, 23)).toEqual(alone)
  }, 60_000)
})

/**
 * Beside what a team would use otherwise, on one real broker (`KAFKA_BROKERS`, or one that is started here), each in a process of
 * its own: Kafka Streams (one thread, no cache), the loop one would write with kafkajs, and a loop by hand on our own wire.
 * From the first record a peer sees to the append of its last output, by the broker's clock.
 *   node .bench/benchmarks/peers.bench.js [filter] [count] [words] [windows] [join] [restore]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../lib/core/clock.js'
import { kafkaTransport } from '../lib/transport/kafkajs/transport.js'
import type { Transport } from '../lib/transport/port.js'
import { startKafka } from '../spec/support/kafka/broker.js'
import { bench, type BenchCase, type BenchOptions } from './harness.js'
import type { Contest, Workload } from './peers/contest.js'
import { largeOrders, writeLines, writeOrders, writePaidOrders, writeRows } from './peers/inputs.js'
import { race, type Outcome, type PeerName } from './peers/race.js'

const orders = 2_000_000
/** The kafkajs loop is given fewer: it is as fast at the end as at the beginning. */
const fewOrders = 400_000
const lines = 300_000
/** And as many payments. */
const paidOrders = 500_000
const rows = 1_000_000
const newRows = 4000

interface Entry {
  readonly name: string
  readonly peer: PeerName
  readonly input: string
  readonly other?: string
  readonly records: number
  readonly outputs: number
  readonly delivery?: Contest['delivery']
  readonly commitEveryMs?: number | null
}

/** One workload on one broker; times come from the peers, not from here. */
class Meeting {
  private runs = 0
  private outcome: Outcome | null = null
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-peers-'))

  constructor(
    private readonly transport: Transport,
    private readonly brokers: readonly string[],
  ) {}

  contest(
    workload: Workload,
    { input, other = input, delivery = 'at-least-once', commitEveryMs = null }: Partial<Entry> & Pick<Entry, 'input'>,
  ): Contest {
    const id = `peer-${process.pid}-${++this.runs}`
    const stateDir = join(this.folder, id)
    return { workload, delivery, commitEveryMs, brokers: this.brokers, id, input, other, output: `${id}-out`, stateDir }
  }

  /** Nobody has used it before. */
  input(name: string): string {
    return `peer-${process.pid}-${++this.runs}-${name}`
  }

  entry(workload: Workload, entry: Entry): BenchCase {
    const run = async (): Promise<void> => {
      this.outcome = await race(this.transport, entry.peer, this.contest(workload, entry), entry.outputs)
    }
    return { name: entry.name, records: entry.records, run }
  }

  readonly options = (ratios: BenchOptions['ratios'] = []): BenchOptions => ({
    rounds: 3,
    warmUp: 0,
    ratios,
    measure: async (run) => {
      await run()
      const { seconds = NaN, cpuUs = NaN, rssKb = NaN } = this.outcome ?? {}
      return { seconds, cpuUs, rssMb: rssKb / 1024 }
    },
  })

  /** Kafka Streams and millrace, on the same. */
  two(workload: Workload, title: string, all: Pick<Entry, 'input' | 'other' | 'records' | 'outputs'>): Promise<void> {
    const [theirs, ours] = [
      this.entry(workload, { name: 'Kafka Streams', peer: 'streams', ...all }),
      this.entry(workload, { name: 'millrace', peer: 'millrace', ...all }),
    ]
    return bench(title, [theirs, ours], this.options([{ of: 'millrace', to: 'Kafka Streams' }]))
  }

  /** Primes a table, loses its disk, and lets the peer come back to some new rows. */
  restore(name: string, peer: PeerName, input: string): BenchCase {
    const run = async (): Promise<void> => {
      const contest = this.contest('restore', { input })
      await race(this.transport, peer, contest, rows)
      rmSync(contest.stateDir, { recursive: true, force: true })
      await writeRows(this.transport, input, newRows)
      const { restoreMs = NaN, ...outcome } = await race(this.transport, peer, contest, rows + newRows)
      this.outcome = { ...outcome, seconds: restoreMs / 1000 }
    }
    return { name, records: rows, run }
  }
}

const ordersFor = async (transport: Transport, meeting: Meeting) => {
  const all = { input: meeting.input('orders'), records: orders }
  const few = { input: meeting.input('few-orders'), records: fewOrders }
  for (const { input, records } of [all, few]) await writeOrders(transport, input, records)
  return [all, few] as const
}

const filter = async (transport: Transport, meeting: Meeting): Promise<void> => {
  const [all, few] = await ordersFor(transport, meeting)
  const whole = { ...all, outputs: largeOrders(orders) }
  const entries: Entry[] = [
    { name: 'kafkajs by hand', peer: 'kafkajs', ...few, outputs: largeOrders(fewOrders) },
    { name: 'own wire by hand', peer: 'codec-loop', ...whole },
    { name: 'Kafka Streams', peer: 'streams', ...whole },
    { name: 'millrace', peer: 'millrace', ...whole },
    { name: 'millrace, 100 ms', peer: 'millrace', ...whole, commitEveryMs: 100 },
    { name: 'millrace, exactly-once, 100 ms', peer: 'millrace', ...whole, delivery: 'exactly-once' },
    { name: 'Kafka Streams, exactly-once, 100 ms', peer: 'streams', ...whole, delivery: 'exactly-once' },
  ]
  const ratios = [
    { of: 'millrace', to: 'kafkajs by hand' },
    { of: 'millrace', to: 'own wire by hand' },
    { of: 'millrace', to: 'Kafka Streams' },
    { of: 'millrace, exactly-once, 100 ms', to: 'millrace, 100 ms' },
    { of: 'millrace, exactly-once, 100 ms', to: 'Kafka Streams, exactly-once, 100 ms' },
  ]
  await bench(
    'peers: JSON, filter, map, JSON',
    entries.map((entry) => meeting.entry('filter', entry)),
    meeting.options(ratios),
  )
}

const count = async (transport: Transport, meeting: Meeting): Promise<void> => {
  const [all, few] = await ordersFor(transport, meeting)
  const whole = { ...all, outputs: orders }
  const entries: Entry[] = [
    { name: 'kafkajs by hand, a Map', peer: 'kafkajs', ...few, outputs: fewOrders },
    { name: 'Kafka Streams', peer: 'streams', ...whole },
    { name: 'millrace', peer: 'millrace', ...whole },
    { name: 'millrace, 100 ms', peer: 'millrace', ...whole, commitEveryMs: 100 },
    { name: 'millrace, exactly-once, 100 ms', peer: 'millrace', ...whole, delivery: 'exactly-once' },
    { name: 'Kafka Streams, exactly-once, 100 ms', peer: 'streams', ...whole, delivery: 'exactly-once' },
  ]
  const ratios = [
    { of: 'millrace', to: 'kafkajs by hand, a Map' },
    { of: 'millrace', to: 'Kafka Streams' },
    { of: 'millrace, exactly-once, 100 ms', to: 'millrace, 100 ms' },
    { of: 'millrace, exactly-once, 100 ms', to: 'Kafka Streams, exactly-once, 100 ms' },
  ]
  await bench(
    'peers: count by key, store and changelog, every update emitted',
    entries.map((entry) => meeting.entry('count', entry)),
    meeting.options(ratios),
  )
}

const words = async (transport: Transport, meeting: Meeting): Promise<void> => {
  const input = meeting.input('lines')
  await writeLines(transport, input, lines)
  await meeting.two('words', 'peers: word count of lines of ten words, repartition topic, every update emitted', {
    input,
    records: lines,
    outputs: 10 * lines,
  })
}

const windows = async (transport: Transport, meeting: Meeting): Promise<void> => {
  const input = meeting.input('orders')
  await writeOrders(transport, input, orders)
  await meeting.two('windows', 'peers: count by key in tumbling windows of 10 s, every update emitted', {
    input,
    records: orders,
    outputs: orders,
  })
}

const joins = async (transport: Transport, meeting: Meeting): Promise<void> => {
  const [input, other] = [meeting.input('orders'), meeting.input('payments')]
  await writePaidOrders(transport, input, other, paidOrders)
  await meeting.two('join', 'peers: orders joined with payments within 1 min, 1 min grace', {
    input,
    other,
    records: 2 * paidOrders,
    outputs: paidOrders,
  })
}

const restore = async (transport: Transport, meeting: Meeting): Promise<void> => {
  const [theirs, ours] = [meeting.input('rows'), meeting.input('rows')]
  for (const input of [theirs, ours]) await writeRows(transport, input, rows)
  await bench(
    'peers: restore of a table of 1 M rows from its changelog',
    [meeting.restore('Kafka Streams', 'streams', theirs), meeting.restore('millrace', 'millrace', ours)],
    { ...meeting.options([{ of: 'millrace', to: 'Kafka Streams' }]), rounds: 1 },
  )
}

const workloads = { filter, count, words, windows, join: joins, restore }

const main = async (): Promise<void> => {
  const asked = process.argv.slice(2)
  const chosen = Object.entries(workloads).filter(([name]) => asked.length === 0 || asked.includes(name))
  for (const [, workload] of chosen) {
    // A fresh broker for each, with the heap and the compiler of a server.
    const own = process.env['KAFKA_BROKERS'] === undefined ? await startKafka({ jvm: ['-Xmx1g'] }) : null
    const brokers = own?.brokers ?? (process.env['KAFKA_BROKERS'] ?? '').split(',')
    const transport = kafkaTransport({ brokers, clientId: 'peers', clock: systemClock })
    const meeting = new Meeting(transport, brokers)
    try {
      await workload(transport, meeting)
    } finally {
      await transport.close()
      await own?.stop()
      rmSync(meeting.folder, { recursive: true, force: true })
    }
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

/**
 * What relations between tables cost, on the embedded log, state in LMDB: a join of 100k × 100k rows by key, a foreign-key join of
 * 100k × 1k rows, and 100k rows regrouped into 1k. Each takes all records of its tables once, from the start until all is committed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codec } from '../lib/core/codec.js'
import { systemClock } from '../lib/core/clock.js'
import { noHeaders } from '../lib/core/headers.js'
import { partitionOf } from '../lib/core/murmur2.js'
import type { App } from '../lib/dsl/surface.js'
import { RunnableApp } from '../lib/runtime/app.js'
import { agg } from '../lib/table/aggregators.js'
import { topic } from '../lib/topology/topic.js'
import { createMemoryLog } from '../lib/transport/embedded/registry.js'
import { embeddedTransport } from '../lib/transport/embedded/transport.js'
import { bench } from './harness.js'

interface Employee {
  readonly name: string
  readonly dept: string
  readonly note: string
}
interface Named {
  readonly title: string
}
const rows = 100_000
const depts = 1000
const partitions = 4
const log = createMemoryLog({ clock: systemClock })
const transport = () => embeddedTransport({ log, clock: systemClock })
const employees = topic('employees', { key: codec.string, value: codec.json<Employee>(), partitions })
const desks = topic('desks', { key: codec.string, value: codec.json<Named>(), partitions })
const departments = topic('departments', { key: codec.string, value: codec.json<Named>(), partitions })
const out = topic('out', { key: codec.string, value: codec.json<unknown>(), partitions })

const fill = async (): Promise<void> => {
  const opened = await transport()
  await opened.createTopics([employees, desks, departments, out].map(({ name }) => ({ name, partitions, config: {} })))
  const producer = await opened.producer()
  const write = (to: string, count: number, prefix: string, valueOf: (i: number) => object): Promise<void> =>
    new Promise((resolve, reject) => {
      let left = count
      const delivery = { delivered: (n: number) => ((left -= n) === 0 ? resolve() : undefined), failed: reject }
      for (let i = 0; i < count; i++) {
        const [key, value] = [Buffer.from(`${prefix}${i}`), Buffer.from(JSON.stringify(valueOf(i)))]
        const at = { topic: to, partition: partitionOf(key, partitions) }
        producer.append(at, { key, value, timestamp: 1 + i, headers: noHeaders }, delivery, null)
      }
      producer.flush()
    })
  const note = 'a note that makes it a hundred bytes'
  await write('departments', depts, 'd', (i) => ({ title: `department ${i}` }))
  await write('employees', rows, 'e', (i) => ({ name: `employee ${i}`, dept: `d${(i * 7919) % depts}`, note }))
  await write('desks', rows, 'e', (i) => ({ title: `desk ${i}` }))
  await opened.close()
}

let run = 0
let running: RunnableApp | null = null
const runApp = async (define: (app: App) => unknown, folder: string): Promise<void> => {
  running = new RunnableApp({ id: `bench-${run}`, stateDir: join(folder, `state-${run++}`) }, { transport, topicPartitions: partitions })
  define(running)
  await running.start()
  await running.settled()
}

const main = async (): Promise<void> => {
  await fill()
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const caseOf = (name: string, records: number, define: (app: App) => unknown) => ({
    name,
    records,
    run: () => runApp(define, folder),
    after: () => running?.stop(),
  })
  const cases = [
    caseOf('join by key', 2 * rows, (app) =>
      app
        .table(employees)
        .join(app.table(desks), ({ name }, { title }) => ({ name, title }))
        .toTopic(out),
    ),
    caseOf('foreign-key join', rows + depts, (app) =>
      app
        .table(employees)
        .joinOn(
          app.table(departments),
          ({ dept }) => dept,
          ({ name }, { title }) => ({ name, title }),
        )
        .toTopic(out),
    ),
    caseOf('regroup and count', rows, (app) =>
      app
        .table(employees)
        .groupBy(({ dept }) => [dept, 1], codec.string, codec.number)
        .aggregate(agg.sum((n: number) => n))
        .toTopic(out),
    ),
  ]
  const ratios = [
    { of: 'foreign-key join', to: 'join by key' },
    { of: 'regroup and count', to: 'join by key' },
  ]
  await bench('tables', cases, { rounds: 3, ratios })
  rmSync(folder, { recursive: true, force: true })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { codec, topic, type App, type BatchSink } from 'millrace'
import { testContext } from 'millrace/testing'
import { distinctUntilChanged, map, pairwise } from 'rxjs'
import { spend } from '../../examples/04-window-final-late.js'
import { settle } from '../../examples/05-stream-stream-join.js'
import { sensors } from '../../examples/12-sinks-split-merge-rx.js'
import { watchdog } from '../../examples/13-processor.js'
import { price } from '../../examples/06-stream-table-join.js'
import { hr } from '../../examples/11-foreign-key-regroup.js'
import { orders, payments, users } from '../../examples/shop.js'
import { program } from './run.js'

describe('example 01, word count', () => {
  it('counts, stops by itself, and goes on counting when it is run again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-example-'))

    const first = await program('examples/01-word-count.ts', folder).finished()
    const second = await program('examples/01-word-count.ts', folder).finished()

    expect(first).toEqual({ code: 0, output: "{ _tag: 'Some', value: 2 }\n" })
    expect(second).toEqual({ code: 0, output: "{ _tag: 'Some', value: 4 }\n" })
    rmSync(folder, { recursive: true })
  }, 60_000)
})

describe('example 03, embedded in RxJS', () => {
  it('paints what comes in from the topic, and stops on SIGTERM', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-example-'))
    const running = program('spec/examples/embedded-in-rxjs.child.ts', folder)

    await running.until((output) => output.includes('running 42.50'))
    running.terminate()
    const { code } = await running.finished()

    expect(code).toBe(0)
    rmSync(folder, { recursive: true })
  }, 60_000)
})

describe('examples 04 and 10, final windows', () => {
  it('closes a window once, over a crash, and puts aside what comes too late', async () => {
    const out = topic('spend-per-user-5m', { key: codec.windowed(codec.string), value: codec.json<{ orders: number; spend: number }>() })
    await using t = await testContext(spend, { partitions: 4 })
    const order = (user: string, amount: number, at: number) => t.input(orders).send(user, { id: 'x', user, amount, at })
    await order('ada', 10, 0)
    await t.crash()
    await order('ada', 5, 60_000)
    await t.advance('10m')

    const closed = t.output(out).read()
    expect(closed.map(({ key, value }) => [key, value])).toEqual([
      [
        { key: 'ada', start: 0, end: 300_000 },
        { orders: 2, spend: 15 },
      ],
    ])
    await order('ada', 1, 1000)
    expect(t.output(topic('orders.late', { key: codec.string, value: codec.json() })).values()).toHaveLength(1)
  })
})

describe('example 11, a foreign key and another key', () => {
  it('follows an employee from one department to another', async () => {
    const staff = topic('employees', { key: codec.string, value: codec.json<{ name: string; dept: string; salary: number }>() })
    const depts = topic('depts', { key: codec.string, value: codec.json<{ title: string }>() })
    const directory = topic('directory', { key: codec.string, value: codec.json<{ name: string; dept: string }>() })
    await using t = await testContext(hr)
    for (const dept of ['mills', 'races']) await t.input(depts).send(dept, { title: dept.toUpperCase() })
    await t.input(staff).send('ada', { name: 'Ada', dept: 'mills', salary: 7 })
    await t.input(staff).send('ada', { name: 'Ada', dept: 'races', salary: 8 })

    expect(t.output(directory).toMap().get('ada')).toEqual({ name: 'Ada', dept: 'RACES' })
  })
})

describe('example 05, a stream joined with a stream', () => {
  it('settles an order with its payment, and one without when the hour and the minute have passed', async () => {
    const settled = topic('orders.settled', { key: codec.string, value: codec.json<{ id: string; paid: number; short: number }>() })
    await using t = await testContext(settle)
    const order = (id: string, at: number) => t.input(orders).send('ada', { id, user: 'ada', amount: 100, at })

    await order('paid', 1000)
    await t.input(payments).send('p1', { order: 'paid', amount: 60 }, 2000)
    await order('open', 3000)
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await order(id, 3_700_000)

    const rows = t.output(settled).toMap()
    expect(rows.get('paid')).toEqual({ id: 'paid', paid: 60, short: 40 })
    expect(rows.get('open')).toEqual({ id: 'open', paid: 0, short: 100 })
  })
})

describe('example 06, a stream joined with a table', () => {
  it('gives an order the price of its user as the table has it', async () => {
    const priced = topic('orders.priced', { key: codec.string, value: codec.json<{ name: string; due: number }>() })
    await using t = await testContext(price)
    const order = (user: string, amount: number) => t.input(orders).send(user, { id: 'x', user, amount, at: 1000 })

    await t.input(users).send('ada', { name: 'Ada', tier: 'plain' }, 500)
    await order('ada', 100)
    await order('bob', 100)
    await t.input(users).send('ada', { name: 'Ada', tier: 'gold' }, 1000)
    await order('ada', 100)

    expect(t.output(priced).values()).toEqual([
      { name: 'Ada', due: 100 },
      { name: 'Ada', due: 90 },
    ])
  })
})

describe('example 12 without distinct: sinks, split, merge, rx', () => {
  interface Reading {
    readonly sensor: string
    readonly celsius: number
  }
  const readings = topic('readings', { key: codec.string, value: codec.json<Reading>() })
  const broken = topic('readings.broken', { key: codec.string, value: codec.string })
  const alarms = topic('alarms', { key: codec.string, value: codec.json<Reading>() })

  it('sends each reading where it belongs', async () => {
    const stored: Reading[] = []
    const steps: number[] = []
    const warehouse: BatchSink<string, Reading> = {
      name: 'warehouse',
      write: async (records) => void stored.push(...records.map(({ value }) => value)),
    }
    const sensors = (app: App) => {
      const { left, right } = app
        .stream(readings)
        .mapEither((r) => (r.celsius < 1000 ? E.right(r) : E.left(`not a temperature: ${r.sensor}`)))
      left.toTopic(broken)
      const { hot, cold, rest } = right.split({ hot: (r) => r.celsius > 90, cold: (r) => r.celsius < -30 })
      hot.mergeWith(cold).toTopic(alarms)
      rest.rx(distinctUntilChanged((a, b) => a.value.celsius === b.value.celsius)).toSink(warehouse)
      right
        .pipe(
          pairwise(),
          map(([a, b]) => b.value.celsius - a.value.celsius),
        )
        .subscribe((step) => steps.push(step))
    }
    await using t = await testContext(sensors, { partitions: 1 })

    for (const celsius of [20, 20, 21, 95, -40, 5000]) await t.input(readings).send('s1', { sensor: 's1', celsius })

    expect(t.output(broken).values()).toEqual(['not a temperature: s1'])
    expect(
      t
        .output(alarms)
        .values()
        .map((reading) => reading?.celsius),
    ).toEqual([95, -40])
    expect(stored.map(({ celsius }) => celsius)).toEqual([20, 21])
    expect(steps).toEqual([0, 1, 74, -135])
  })
})

describe('example 12 as it stands, with distinct', () => {
  it('raises one alarm of a sensor within five minutes', async () => {
    const readings = topic('readings', { key: codec.string, value: codec.json<{ sensor: string; celsius: number }>() })
    const alarms = topic('alarms', { key: codec.string, value: codec.json<{ celsius: number }>() })
    const warehouse = { name: 'warehouse', write: async () => undefined }
    await using t = await testContext(sensors(warehouse), { partitions: 1 })

    for (const [celsius, at] of [
      [95, 0],
      [96, 299_999],
      [-40, 300_000],
      [20, 300_001],
    ] as const)
      await t.input(readings).send('s1', { sensor: 's1', celsius }, at)

    expect(
      t
        .output(alarms)
        .values()
        .map((reading) => reading?.celsius),
    ).toEqual([95, -40])
  })
})

describe('example 13, a processor', () => {
  it('reports a host that has been silent for 30 s of wall time, over a crash', async () => {
    const beats = topic('heartbeats', { key: codec.string, value: codec.json<{ host: string }>() })
    const down = topic('down', { key: codec.string, value: codec.string })
    await using t = await testContext(watchdog)

    await t.input(beats).send('h1', { host: 'h1' })
    await t.advance('20s')
    await t.input(beats).send('h1', { host: 'h1' })
    await t.crash()
    await t.advance('29s')
    expect(t.output(down).values()).toEqual([])
    await t.advance('1s')

    expect(t.output(down).values()).toEqual(['h1 is silent after 2 beats'])
  })
})

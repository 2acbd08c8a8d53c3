import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { codec, policy, topic, type App, type AppConfig } from 'millrace'
import { testContext } from 'millrace/testing'
import { mergeWith, Subject } from 'rxjs'
import { systemClock } from '../../lib/core/clock.js'
import { MillraceError } from '../../lib/core/errors.js'
import { RunnableApp } from '../../lib/runtime/app.js'
import { createOutput } from '../../lib/testing/output.js'
import type { Log } from '../../lib/transport/embedded/log.js'
import { createMemoryLog } from '../../lib/transport/embedded/registry.js'
import { embeddedTransport, type EmbeddedTransport } from '../../lib/transport/embedded/transport.js'
import type { Transaction, Transport } from '../../lib/transport/port.js'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const input = topic('input', { key: codec.string, value: codec.number })
const counts = topic('counts', { key: codec.string, value: codec.number })
const totals = topic('totals', { key: codec.string, value: codec.number })
const passed = topic('passed', { key: codec.string, value: codec.number })

/** One hop with a table, a second one behind a repartition topic, and one without state. */
const define = (app: App): void => {
  const source = app.stream(input)
  source.toTopic(passed)
  source.groupByKey().count({ name: 'counts' }).toTopic(counts)
  source
    .groupBy((value) => (value % 2 === 0 ? 'even' : 'odd'), codec.string)
    .count({ name: 'totals' })
    .toTopic(totals)
}

/** Counts of a key that were each seen once: 1, 2, 3 ... */
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)
const byKey = (records: readonly { readonly key: string; readonly value: number | null }[]): Record<string, (number | null)[]> => {
  const found: Record<string, (number | null)[]> = {}
  for (const { key, value } of records) (found[key] ??= []).push(value)
  return found
}
const countsOf = (keys: readonly string[]): Record<string, number[]> => {
  const n: Record<string, number> = {}
  for (const key of keys) n[key] = (n[key] ?? 0) + 1
  return Object.fromEntries(Object.entries(n).map(([key, count]) => [key, upTo(count)]))
}

describe('exactly-once, whatever is sent, committed, restarted, killed and lost', () => {
  type Step =
    { readonly do: 'send'; readonly key: string; readonly value: number } | { readonly do: 'commit' | 'restart' | 'crash' | 'loseDisk' }
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        key: fc.constantFrom('a', 'b', 'c'),
        value: fc.integer({ min: 0, max: 9 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'restart' as const, 'crash' as const, 'loseDisk' as const) }),
    },
  )
  const play = async (steps: readonly Step[]) => {
    await using t = await testContext(define, { delivery: 'exactly-once', partitions: 2, commit: 'manual' })
    for (const one of steps) {
      if (one.do === 'send') await t.input(input).send(one.key, one.value)
      else await t[one.do]()
    }
    await t.commit()
    return {
      counts: byKey(t.output(counts).read()),
      totals: byKey(t.output(totals).read()),
      passed: byKey(t.output(passed).read()),
    }
  }

  it('each update comes out once, in order, behind a repartition too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const sent = steps.flatMap((one) => (one.do === 'send' ? [one] : []))

        expect(await play(steps)).toEqual({
          counts: countsOf(sent.map(({ key }) => key)),
          totals: countsOf(sent.map(({ value }) => (value % 2 === 0 ? 'even' : 'odd'))),
          passed: byKey(sent),
        })
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})

/* ------------------------------------------------------------------------------- each step of the commit */

/** What becomes of a transaction: the process dies there, or lives on and hears of a failure. */
type Fate =
  'dies before it ends' | 'dies after it, before the file is written' | 'it is aborted' | 'it is committed, and the answer is lost'

const never = (): Promise<never> => new Promise<never>(() => undefined)

/** The next transaction with something in it meets its fate; the others are left alone. */
const fateful = (transport: Transport, fate: Fate, met: () => void): Transport => {
  let isMet = false
  const wrap = (transaction: Transaction): Transaction => {
    let isEmpty = true
    return {
      append: (...args) => {
        isEmpty = false
        transaction.append(...args)
      },
      add: (draft) => {
        if (draft.byteLength > 0) isEmpty = false
        transaction.add(draft)
      },
      commit: async (mayEnd) => {
        if (isMet || isEmpty) return transaction.commit(mayEnd)
        isMet = true
        met()
        const lost = new MillraceError('MR_ABORTED', 'as the spec wants it')
        if (fate === 'dies before it ends') return never()
        if (fate === 'it is aborted') throw lost
        await transaction.commit(mayEnd)
        if (fate === 'it is committed, and the answer is lost') throw lost
        return never()
      },
    }
  }
  return new Proxy(transport, {
    get: (target, name) => {
      if (name === 'transactionalProducer')
        return async (options: Parameters<Transport['transactionalProducer']>[0]) => {
          const producer = await target.transactionalProducer(options)
          return {
            draft: () => producer.draft(),
            begin: (...args: Parameters<typeof producer.begin>) => wrap(producer.begin(...args)),
            close: () => producer.close(),
          }
        }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const started = async (log: Log, stateDir: string, wrap: (transport: Transport) => Transport = (transport) => transport) => {
  let transport: EmbeddedTransport | undefined
  const config: AppConfig = { id: 'app', stateDir, delivery: 'exactly-once', commitEvery: '5ms', logger: silent }
  const app = new RunnableApp(config, {
    transport: async () => wrap((transport = await embeddedTransport({ log, clock: systemClock }))),
    topicPartitions: 1,
  })
  define(app)
  await app.start()
  const kill = () => {
    app.abandon()
    transport?.kill()
  }
  return { app, kill }
}

const send = async (app: RunnableApp, values: readonly number[]) => {
  for (const value of values) await app.send(input, 'k', value)
}
const outputOf = (log: Log) => ({
  counts: byKey(createOutput(counts, log).read()),
  totals: byKey(createOutput(totals, log).read()),
  passed: byKey(createOutput(passed, log).read()),
})
const expected = { counts: { k: upTo(7) }, totals: { even: upTo(3), odd: upTo(4) }, passed: { k: upTo(7) } }
const fates: readonly Fate[] = [
  'dies before it ends',
  'dies after it, before the file is written',
  'it is aborted',
  'it is committed, and the answer is lost',
]

describe.each(fates)('a transaction: %s', (fate) => {
  it.each([
    ['the first', [], [1, 2, 3]],
    ['a later one', [1, 2], [3]],
  ])('%s; each input counts once, on the same disk', async (_, before, during) => {
    const log = createMemoryLog({ clock: systemClock })
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-exactly-'))
    if (before.length > 0) {
      const { app } = await started(log, stateDir)
      await send(app, before)
      await app.settled()
      await app.stop()
    }
    let met = (): void => undefined
    const isMet = new Promise<void>((resolve) => (met = resolve))
    const { app, kill } = await started(log, stateDir, (transport) => fateful(transport, fate, met))
    await send(app, during)
    await isMet
    if (fate.startsWith('dies')) kill()
    else {
      await app.settled()
      await app.stop()
    }
    const { app: last } = await started(log, stateDir)
    await send(last, [4, 5, 6, 7])
    await last.settled()
    await last.stop()
    rmSync(stateDir, { recursive: true, force: true })

    expect(outputOf(log)).toEqual(expected)
  })

  it('each input counts once when the disk is lost with it', async () => {
    const log = createMemoryLog({ clock: systemClock })
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-exactly-'))
    let met = (): void => undefined
    const isMet = new Promise<void>((resolve) => (met = resolve))
    const { app, kill } = await started(log, stateDir, (transport) => fateful(transport, fate, met))
    await send(app, [1, 2, 3])
    await isMet
    kill()
    rmSync(stateDir, { recursive: true, force: true })
    const { app: last } = await started(log, stateDir)
    await send(last, [4, 5, 6, 7])
    await last.settled()
    await last.stop()
    rmSync(stateDir, { recursive: true, force: true })

    expect(outputOf(log)).toEqual(expected)
  })
})

/* -------------------------------------------------------------------------------------- what is seen when */

describe('outputs of exactly-once', () => {
  it('are not seen before the commit, and then all at once', async () => {
    await using t = await testContext(define, { delivery: 'exactly-once', partitions: 1, commit: 'manual' })
    await t.input(input).send('k', 1)
    const before = [t.output(passed).read(), t.output(counts).read()]
    await t.commit()

    expect(before).toEqual([[], []])
    expect([t.output(passed).values(), t.output(counts).values()]).toEqual([[1], [1]])
  })

  it('are committed every 100 ms by default', async () => {
    await using t = await testContext(define, { delivery: 'exactly-once', partitions: 1, commit: 'manual' })
    await t.input(input).send('k', 1)
    await t.advance('99ms')
    const before = t.output(passed).values()
    await t.advance('1ms')

    expect([before, t.output(passed).values()]).toEqual([[], [1]])
  })

  it('do not wait for a task that is held up by a promise', async () => {
    const log = createMemoryLog({ clock: systemClock })
    let letGo = (): void => undefined
    const held = new Promise<void>((resolve) => (letGo = resolve))
    const app = new RunnableApp(
      { id: 'app', stateDir: ':memory:', delivery: 'exactly-once', commitEvery: '5ms' },
      { transport: () => embeddedTransport({ log, clock: systemClock }), topicPartitions: 2 },
    )
    app
      .stream(input)
      .mapAsync(async (value) => {
        if (value === 1) await held
        return value
      })
      .toTopic(passed)
    await app.start()
    const output = createOutput(passed, log)
    await app.send(input, 'a', 1) // partition 0
    for (let value = 2; value < 12; value++) await app.send(input, `key ${value}`, value)
    const seen: (number | null)[] = []
    while (seen.length < 3) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      seen.push(...output.values())
    }
    letGo()
    await app.settled()
    await app.stop()

    expect(seen).not.toContain(1)
    expect([...seen, ...output.values()].sort((a, b) => Number(a) - Number(b))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  it('of send are there at once: it is in no transaction', async () => {
    await using t = await testContext(define, { delivery: 'exactly-once', partitions: 1, commit: 'manual' })
    await t.app.send(passed, 'by hand', 9)

    expect(t.output(passed).values()).toEqual([9])
  })
})

/* ------------------------------------------------------------------------------------------- bad input */

const large = topic('large', { key: codec.string, value: codec.string, config: { 'max.message.bytes': '1000' } })
const texts = topic('texts', { key: codec.string, value: codec.string })
const dead = topic('test-dead', { key: codec.string, value: codec.string })

describe('a record that the log refuses in a transaction', () => {
  const run = async (onError: AppConfig['onError']) => {
    await using t = await testContext((app: App) => app.stream(texts).toTopic(large), {
      delivery: 'exactly-once',
      partitions: 1,
      commit: 'manual',
      logger: silent,
      onError,
    })
    let failure: unknown = null
    try {
      for (const text of ['a', 'x'.repeat(2000), 'b']) await t.input(texts).send('k', text)
      await t.commit()
    } catch (error) {
      failure = error
    }
    return { written: t.output(large).values(), dead: t.output(dead).read(), failure, app: t.app }
  }

  it('fails the app by default, and nothing is committed', async () => {
    const { written, failure } = await run(policy.fail)

    expect(failure).toMatchObject({ code: 'MR_RECORD_TOO_LARGE' })
    expect(written).toEqual([])
  })

  it('is left out by policy.skip; the others are committed', async () => {
    const { written, failure } = await run(policy.skip)

    expect([written, failure]).toEqual([['a', 'b'], null])
  })

  it('becomes a dead letter of the same transaction; a retry is of no use', async () => {
    const { written, dead, failure } = await run(policy.retry({ times: 3 }, policy.deadLetter()))

    expect([written, failure]).toEqual([['a', 'b'], null])
    expect(dead.map(({ value }) => value)).toEqual(['x'.repeat(2000)])
    expect(dead[0]?.headers.text('millrace.dlq.attempts')).toBe('4')
  })
})

it('what rx emits by itself is refused: it could not be found again after a crash', async () => {
  const other = new Subject<never>()
  await using t = await testContext((app) => app.stream(input).rx(mergeWith(other)).toTopic(passed), {
    delivery: 'exactly-once',
    partitions: 1,
    logger: silent,
  })
  await t.input(input).send('k', 1)
  other.next({ key: 'k', value: 2 } as never)

  await expect(t.app.done).rejects.toMatchObject({ code: 'MR_RX_ESCAPED' })
})

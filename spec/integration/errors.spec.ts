import { codec, isMillraceError, policy, topic, tumbling, type App, type ErrorPolicy, type KStream } from 'millrace'
import { testContext } from 'millrace/testing'
import { z } from 'zod'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const raw = topic('in', { key: codec.string, value: codec.bytes })
const input = topic('in', { key: codec.string, value: codec.json(z.object({ n: z.number() })) })
const out = topic('out', { key: codec.string, value: codec.number })
const dead = topic('test-dead', { key: codec.string, value: codec.string })

/** Sends good, bad, good; gives what came out and what was set aside. */
const run = async (define: (app: App) => unknown, onError: ErrorPolicy, bad: string) => {
  await using t = await testContext(define, { onError, partitions: 1, logger: silent })
  const send = (text: string) => t.input(raw).send('k', Buffer.from(text), 5, { trace: 'abc' })
  let failure: unknown = null
  try {
    for (const text of ['{"n":1}', bad, '{"n":3}']) await send(text)
  } catch (error) {
    failure = error
  }
  return { values: t.output(out).values(), dead: t.output(dead).read(), failure }
}
const passing = (app: App) =>
  app
    .stream(input)
    .map(({ n }) => n)
    .toTopic(out)
const throwing = (app: App) =>
  app
    .stream(input)
    .flatMap(function* ({ n }) {
      yield n
      if (n === 2) throw new Error('no twos')
    })
    .toTopic(out)
const rejecting = (app: App) =>
  app
    .stream(input)
    .mapAsync(({ n }) => (n === 2 ? Promise.reject(new Error('no twos')) : Promise.resolve(n)))
    .toTopic(out)
const unwritable = (app: App) =>
  app
    .stream(input)
    .map(({ n }) => (n === 2 ? ('two' as unknown as number) : n))
    .toTopic(out)
const sinking = (app: App) =>
  app
    .stream(input)
    .toSink({ name: 'db', write: ([record]) => (record?.value.n === 2 ? Promise.reject(new Error('no twos')) : Promise.resolve()) })

describe('a record that cannot be taken', () => {
  it.each([
    ['a lambda that throws', throwing],
    ['a promise that rejects', rejecting],
    ['a sink that rejects', sinking],
  ] as const)('fails the app when the policy itself throws: %s', async (_, define) => {
    const broken = policy.when(
      () => {
        throw new Error('what a policy')
      },
      policy.skip,
      policy.fail,
    )
    const { failure } = await run(define, broken, '{"n":2}')

    expect(isMillraceError(failure, 'MR_CONFIG')).toBe(true)
    expect(String(failure)).toContain('the error policy threw over in-0@1: what a policy')
  })

  it.each([
    ['bytes that are not JSON', passing, 'not json', 'MR_DECODE'],
    ['a value that does not match its schema', passing, '{"n":"two"}', 'MR_SCHEMA'],
    ['a lambda that throws', throwing, '{"n":2}', 'MR_PROCESS'],
    ['a promise that rejects', rejecting, '{"n":2}', 'MR_PROCESS'],
    ['a value the sink cannot write', unwritable, '{"n":2}', 'MR_ENCODE'],
    ['a sink that rejects', sinking, '{"n":2}', 'MR_SINK'],
  ] as const)('fails the app by default: %s', async (_, define, bad, code) => {
    const { failure, values } = await run(define, policy.fail, bad)

    expect(isMillraceError(failure) && failure.code).toBe(code)
    expect(values).not.toContain(3)
  })

  it.each([
    ['decode', passing, 'not json'],
    ['process', throwing, '{"n":2}'],
    ['process, later', rejecting, '{"n":2}'],
    ['produce', unwritable, '{"n":2}'],
  ] as const)('is left out by skip, and takes its siblings with it: %s', async (_, define, bad) => {
    expect(await run(define, policy.skip, bad)).toMatchObject({ values: [1, 3], failure: null, dead: [] })
  })

  it.each([
    ['decode', passing, 'not json', 'in', 'decode.decode'],
    ['process', throwing, '{"n":2}', 'flatMap', 'process.error'],
    ['process', rejecting, '{"n":2}', 'mapAsync', 'process.error'],
    ['produce', unwritable, '{"n":2}', 'toTopic', 'produce.encode'],
    ['sink', sinking, '{"n":2}', 'db', 'sink.error'],
  ] as const)('goes to the dead letters as it was read, with the headers of KIP-1034: %s', async (stage, define, bad, node, reason) => {
    const { dead: letters, failure } = await run(define, policy.deadLetter(), bad)

    expect(failure).toBeNull()
    expect(letters.map(({ key, value }) => [key, value])).toEqual([['k', bad]])
    const header = (name: string) => letters[0]?.headers.text(name)
    expect({
      own: header('trace'),
      topic: header('__streams.errors.topic'),
      partition: header('__streams.errors.partition'),
      offset: header('__streams.errors.offset'),
      stage: header('millrace.dlq.stage'),
      node: header('millrace.dlq.node'),
      reason: header('millrace.dlq.reason'),
      id: header('millrace.dlq.id'),
      time: header('millrace.dlq.timestamp'),
    }).toEqual({ own: 'abc', topic: 'in', partition: '0', offset: '1', stage, node, reason, id: 'in/0@1', time: '5' })
  })

  it('is tried again as often as retry says, in place, before what comes after it', async () => {
    const tries: number[] = []
    const flaky = (app: App) =>
      app
        .stream(input)
        .map(({ n }) => {
          tries.push(n)
          if (n === 2 && tries.filter((tried) => tried === 2).length < 3) throw new Error('not yet')
          return n
        })
        .toTopic(out)

    const { values } = await run(flaky, policy.retry({ times: 2, backoff: '10s' }, policy.fail), '{"n":2}')

    expect(values).toEqual([1, 2, 3])
    expect(tries).toEqual([1, 2, 2, 2, 3])
  })

  it('is handed on when the retries are used up, and told apart by when', async () => {
    const onError = policy.when((failure) => failure.stage === 'process', policy.retry({ times: 1 }, policy.skip), policy.fail)

    expect((await run(throwing, onError, '{"n":2}')).values).toEqual([1, 3])
    expect((await run(passing, onError, 'not json')).failure).not.toBeNull()
  })

  it('fails the app when too many of a partition in a row are set aside', async () => {
    await using t = await testContext(passing, { onError: policy.deadLetter(undefined, { consecutive: 2 }), partitions: 1, logger: silent })
    const send = (text: string) => t.input(raw).send('k', Buffer.from(text))

    await send('bad')
    await send('bad')
    await expect(send('bad')).rejects.toMatchObject({ code: 'MR_TOO_MANY_DEAD_LETTERS' })
    expect(t.output(dead).read()).toHaveLength(2)
  })

  it('is a policy of its source first, then of the app', async () => {
    const lenient = (app: App) =>
      app
        .stream(input, { onError: policy.skip })
        .map(({ n }) => n)
        .toTopic(out)

    expect((await run(lenient, policy.fail, 'not json')).values).toEqual([1, 3])
  })

  it.each([['a null where none is allowed', (t: { send: (value: null) => Promise<void> }) => t.send(null), 'MR_NULL']] as const)(
    '%s',
    async (_, send, code) => {
      await using t = await testContext(
        (app) =>
          app
            .stream(out)
            .map((n) => n)
            .toTopic(topic('copy', { key: codec.string, value: codec.number })),
        { logger: silent },
      )

      await expect(send({ send: (value) => t.input(out).send('k', value) })).rejects.toMatchObject({ code })
    },
  )

  it('a promise given back by a verb that takes none', async () => {
    const passes = (() => Promise.resolve(true)) as unknown as () => boolean // what plain JavaScript lets through
    const define = (app: App) =>
      app
        .stream(out)
        .filter(passes)
        .toTopic(topic('copy', { key: codec.string, value: codec.number }))
    await using t = await testContext(define, { logger: silent })

    await expect(t.input(out).send('k', 1)).rejects.toMatchObject({ code: 'MR_PROMISE_IN_SYNC_VERB' })
  })

  it('an event time too far ahead of the clock, or none at all', async () => {
    const timed = topic('timed', { key: codec.string, value: codec.number, timestamp: (n) => n })
    const define = (app: App) =>
      app.stream(timed, { maxAhead: '1h', onError: policy.skip }).toTopic(topic('copy', { key: codec.string, value: codec.number }))
    await using t = await testContext(define, { now: 1_000_000, logger: silent })

    for (const n of [5, 1_000_000 + 3_600_000, 1_000_000 + 3_600_001, -1, NaN]) await t.input(timed).send('k', n)

    expect(t.output(topic('copy', { key: codec.string, value: codec.number })).values()).toEqual([5, 4_600_000])
  })

  it.each([
    ['a string', '5', /gave "5", not a number/],
    ['a Date', new Date(5), /gave a Date, not a number/],
    ['nothing', undefined, /gave undefined, not a number/],
    ['NaN', NaN, /gave NaN/],
    ['a time before the epoch', -5, /gave -5/],
    ['a million years ahead', 4e16, /ahead of the clock by more than maxAhead/],
    ['microseconds', 1.7e15, /it looks like microseconds/],
    ['nanoseconds', 1.7e18, /it looks like nanoseconds/],
  ])('an event time that is %s', async (_what, given, message) => {
    const odd = topic('odd', { key: codec.string, value: codec.number, timestamp: () => given as number })
    await using t = await testContext((app) => app.stream(odd).toTopic(out), { now: 1.7e12, logger: silent })

    await expect(t.input(odd).send('k', 1)).rejects.toThrow(message)
  })

  it('a record of the far future, which closes no window', async () => {
    const counts = topic('counts', { key: codec.windowed(codec.string), value: codec.number })
    const define = (app: App) =>
      app
        .stream(out, { onError: policy.skip })
        .groupByKey()
        .window(tumbling('1m', { emit: 'final' }))
        .count()
        .toTopic(counts)
    await using t = await testContext(define, { now: 1.7e12, partitions: 1, logger: silent })
    await t.input(out).send('k', 1, 1.7e12)
    await t.input(out).send('k', 1, 4e15)
    await t.input(out).send('k', 1, 1.7e12 + 1)
    expect(t.output(counts).values()).toEqual([])

    await t.input(out).send('k', 1, 1.7e12 + 60_000)
    expect(t.output(counts).values()).toEqual([2])
  })

  it('says once that the times of a source look like seconds', async () => {
    const said: string[] = []
    const timed = topic('timed', { key: codec.string, value: codec.number, timestamp: (n) => n })
    const logger = { ...silent, warn: (o: object, message?: string) => void said.push(`${message} ${JSON.stringify(o)}`) }
    await using t = await testContext((app) => app.stream(timed).toTopic(topic('copy', { key: codec.string, value: codec.number })), {
      now: 1.7e12,
      logger,
    })
    for (const [key, n] of [
      ['a', 1.7e12],
      ['b', 1_700_000_000],
      ['c', 1_700_000_001],
    ] as const)
      await t.input(timed).send(key, n)
    await t.restart()

    expect(said).toEqual(['event times look like seconds; they are taken for ms since the epoch {"topic":"timed","eventTime":1700000000}'])
  })

  it('a stored value that its codec does not give back', async () => {
    await using t = await testContext(
      (app) =>
        app
          .stream(out)
          .groupByKey()
          .aggregate({ empty: new Date(0), add: (_, n) => new Date(n) }),
      { logger: silent },
    )

    await expect(t.input(out).send('k', 1)).rejects.toMatchObject({ code: 'MR_CODEC_LOSSY' })
  })
})

describe('a record of which several come', () => {
  const lines = topic('lines', { key: codec.string, value: codec.string })
  const counts = topic('counts', { key: codec.string, value: codec.string })
  type Words = (stream: KStream<string, string>) => KStream<string, string>
  const flatMap: Words = (stream) => stream.flatMap((line) => line.split(' '))
  const process: Words = (stream) =>
    stream.process({
      name: 'split',
      emits: codec.string,
      onRecord: (line, _, context) => line.split(' ').forEach((word) => context.emit(word)),
    })
  /** 'bad' is refused so many times. */
  const counted = (words: Words, refusals: number) => (app: App) => {
    let left = refusals
    words(app.stream(lines))
      .map((word) => {
        if (word !== 'bad' || left === 0) return word
        left--
        throw new Error('no')
      })
      .groupByKey()
      .reduce((all, word) => `${all} ${word}`, { name: 'words' })
      .toTopic(counts)
  }

  it('is written in its place, when a sink could not take it at first', async () => {
    const words = topic('words', { key: codec.string, value: codec.string })
    const failing = <A extends unknown[], B>(f: (...args: A) => B): ((...args: A) => B) => {
      let calls = 0
      return (...args) => {
        if (++calls === 2) throw new Error('not now')
        return f(...args)
      }
    }
    const define = (app: App): void => {
      const each = app.stream(lines).flatMap((line) => line.split(' '))
      each.toTopic({ ...words, value: { ...codec.string, encode: failing(codec.string.encode) } })
      each.toTopic(failing(() => counts))
    }
    await using t = await testContext(define, { onError: policy.retry({ times: 5 }, policy.fail), partitions: 1, logger: silent })
    await t.input(lines).send('k', 'one two three')
    await t.advance('1m')

    expect([t.output(words).values(), t.output(counts).values()]).toEqual([
      ['one', 'two', 'three'],
      ['one', 'two', 'three'],
    ])
  })

  it('is written to a topic that is chosen at the second attempt, and that nobody knew', async () => {
    let calls = 0
    const chosen = (value: string) => {
      if (++calls === 1) throw new Error('not now')
      return value === 'none' ? (undefined as unknown as typeof counts) : counts
    }
    const define = (app: App): void => void app.stream(lines).flatMap((line) => line.split(' ')).toTopic(chosen) // prettier-ignore
    const onError = policy.when(({ error }) => error.message.includes('no topic'), policy.skip, policy.retry({ times: 1 }, policy.fail))
    await using t = await testContext(define, { onError, partitions: 1, logger: silent })
    await t.input(lines).send('k', 'one none two')
    await t.advance('1m')

    expect(t.output(counts).values()).toEqual(['one', 'two'])
  })

  it.each([
    ['flatMap', flatMap],
    ['process', process],
  ])('is in a table once, when a later one had to be tried again: %s', async (_, words) => {
    await using t = await testContext(counted(words, 2), {
      onError: policy.retry({ times: 5 }, policy.fail),
      partitions: 1,
      logger: silent,
    })
    await t.input(lines).send('k', 'one two bad')
    await t.advance('1m')

    expect(t.output(counts).values()).toEqual(['one', 'one two', 'one two bad'])
  })

  it.each([
    ['flatMap', flatMap],
    ['process', process],
  ])('is not in a table in part: %s', async (_, words) => {
    await using t = await testContext(counted(words, 1), { onError: policy.skip, partitions: 1, logger: silent })
    await t.input(lines).send('k', 'one two bad')
    await t.input(lines).send('k', 'three')

    expect(t.output(counts).values()).toEqual(['three'])
  })
})

describe('a topic that is both a stream and a table', () => {
  it('has its records tried again as often for each of the two', async () => {
    const attempts: number[] = []
    let calls = 0
    const source = topic('both', {
      key: codec.string,
      value: codec.string,
      // The stream is refused twice, the table once.
      timestamp: () => {
        if (calls++ < 3) throw new Error('not now')
        return 1
      },
    })
    const onError = policy.when(
      ({ attempt }) => attempts.push(attempt) < 0,
      policy.fail,
      policy.retry({ times: 2, backoff: 10 }, policy.skip),
    )
    const seen: string[] = []
    const define = (app: App): void => {
      app.stream(source, { onError }).each((value) => void seen.push(`stream ${value}`))
      app
        .table(source, { onError })
        .toStream()
        .each((value) => void seen.push(`table ${value}`))
    }
    await using t = await testContext(define, { partitions: 1, logger: silent })
    await t.input(source).send('k', 'v', 1)
    await t.advance('1s')

    expect(attempts).toEqual([1, 2, 1])
    expect(seen).toEqual(['stream v', 'table v'])
  })
})

import * as O from 'fp-ts/lib/Option.js'
import * as Th from 'fp-ts/lib/These.js'
import { codec, policy, topic, type App, type JoinWindow, type KStream } from 'millrace'
import { testContext, type TestContext } from 'millrace/testing'

type Kind = 'inner' | 'left' | 'outer'
type Result = readonly [key: string | null, value: string, time: number]
interface Sent {
  readonly side: 'left' | 'right'
  readonly key: string | null
  readonly value: string | null
  readonly time: number
}

const nullable = codec.nullable(codec.string)
const lefts = topic('lefts', { key: nullable, value: nullable })
const rights = topic('rights', { key: nullable, value: nullable })
const out = topic('out', { key: nullable, value: codec.string })

const joined = (
  kind: Kind,
  left: KStream<string | null, string | null>,
  right: KStream<string | null, string | null>,
  window: JoinWindow,
) => {
  const text = (value: string | null) => value ?? 'null'
  if (kind === 'inner') return left.join(right, window, (l, r) => text(l) + text(r))
  if (kind === 'left') return left.leftJoin(right, window, (l, r) => `${l}${O.isSome(r) ? r.value : '-'}`)
  return left.outerJoin(
    right,
    window,
    Th.match(
      (l) => `${l}-`,
      (r) => `-${r}`,
      (l, r) => `${l}${r}`,
    ),
  )
}
const define = (kind: Kind, window: JoinWindow) => (app: App) => joined(kind, app.stream(lefts), app.stream(rights), window).toTopic(out)

const results = (t: TestContext): Result[] =>
  t
    .output(out)
    .read()
    .map(({ key, value, timestamp }) => [key, String(value), timestamp])

/** 'L 3 A': a left record of key k at 3 s. 'R 4 -': a null. */
const sentOf = (line: string): Sent => {
  const [side, time, value] = line.split(' ')
  return { side: side === 'L' ? 'left' : 'right', key: 'k', value: value === '-' ? null : (value ?? ''), time: Number(time) * 1000 }
}
const through = async (
  kind: Kind,
  window: JoinWindow,
  ...lines: readonly string[]
): Promise<(readonly (readonly [string, number])[])[]> => {
  await using t = await testContext(define(kind, window), { partitions: 1 })
  const steps: (readonly (readonly [string, number])[])[] = []
  for (const { side, key, value, time } of lines.map(sentOf)) {
    await t.input(side === 'left' ? lefts : rights).send(key, value, time)
    steps.push(results(t).map(([, text, at]) => [text, at / 1000] as const))
  }
  return steps
}

describe('a join of two streams', () => {
  const window = { within: '15s', grace: '5s' } as const
  const lines = ['L 3 A', 'R 4 a', 'L 5 B', 'R 6 b', 'L 9 C', 'R 10 c', 'L 40 E', 'L 60 F', 'R 80 f', 'L 100 G', 'L 200 H']
  const pairs = [
    [],
    [['Aa', 4]],
    [['Ba', 5]],
    [
      ['Ab', 6],
      ['Bb', 6],
    ],
    [
      ['Ca', 9],
      ['Cb', 9],
    ],
    [
      ['Ac', 10],
      ['Bc', 10],
      ['Cc', 10],
    ],
  ]

  it('gives all pairs within the window, with the larger timestamp, in order of time', async () => {
    expect(await through('inner', window, ...lines)).toEqual([...pairs, [], [], [], [], []])
  })
  it('gives what has met nothing once, when window and grace have passed', async () => {
    const [E, F, G] = [['E-', 40] as const, ['F-', 60] as const, ['G-', 100] as const]

    expect(await through('left', window, ...lines)).toEqual([...pairs, [], [], [E], [F], [G]])
    expect(await through('outer', window, ...lines)).toEqual([...pairs, [], [], [E], [F], [['-f', 80], G]])
  })
  it('waits for exactly window and grace: at their end a match is still possible', async () => {
    expect(await through('left', window, 'L 10 A', 'L 30 B', 'R 25 x', 'L 50.001 C')).toEqual([
      [],
      [],
      [
        ['Ax', 25],
        ['Bx', 30],
      ],
      [],
    ])
    expect(await through('left', window, 'L 10 A', 'L 30 B', 'L 30.001 C')).toEqual([[], [], [['A-', 10]]])
  })
  it('takes an asymmetric window: before and after are of the right record, seen from the left one', async () => {
    const within = { before: '2s', after: '5s' } as const

    expect(await through('inner', { within, grace: '1m' }, 'L 10 A', 'R 7 a', 'R 8 b', 'R 15 c', 'R 16 d')).toEqual([
      [],
      [],
      [['Ab', 10]],
      [['Ac', 15]],
      [],
    ])
  })
  it('takes a window of nothing: only records of one time meet', async () => {
    expect(await through('outer', { within: 0, grace: '1s' }, 'L 10 A', 'R 10 a', 'R 10.5 b', 'R 12 c')).toEqual([
      [],
      [['Aa', 10]],
      [],
      [['-b', 10.5]],
    ])
  })
  it('lets a record that is late probe what is still kept, and gives it at once when it meets nothing', async () => {
    expect(await through('left', { within: '5s' }, 'R 10 a', 'L 100 A', 'L 8 B', 'L 50 C')).toEqual([[], [], [['Ba', 10]], [['C-', 50]]])
  })
  it('drops null values, and null keys where no side answers for them', async () => {
    const send = async (kind: Kind) => {
      await using t = await testContext(define(kind, { within: '5s' }), { partitions: 1 })
      await t.input(lefts).send(null, 'A', 1000)
      await t.input(rights).send(null, 'a', 2000)
      await t.input(lefts).send('k', null, 900_000)
      await t.input(lefts).send('k', 'B', 3000)
      await t.input(rights).send('k', 'b', 4000)
      return results(t).map(([key, text]) => [key, text])
    }

    expect(await send('inner')).toEqual([['k', 'Bb']])
    expect(await send('left')).toEqual([
      [null, 'A-'],
      ['k', 'Bb'],
    ])
    expect(await send('outer')).toEqual([
      [null, 'A-'],
      [null, '-a'],
      ['k', 'Bb'],
    ])
  })
})

describe('a stream joined with itself', () => {
  it('takes each record as left, then as right', async () => {
    await using t = await testContext(
      (app) => {
        const stream = app.stream(lefts)
        joined('inner', stream, stream, { within: '1s' }).toTopic(out)
      },
      { partitions: 1 },
    )

    await t.input(lefts).send('k', 'A', 1000)
    await t.input(lefts).send('k', 'B', 1500)
    await t.input(lefts).send('k', 'C', 3000)

    expect(results(t).map(([, text]) => text)).toEqual(['AA', 'BA', 'AB', 'BB', 'CC'])
  })
  it('keeps the two sides of one topic together when many records come at once', async () => {
    const pairsOf = (app: App) => {
      const stream = app.stream(lefts)
      const [even, odd] = [stream.filter((_, { offset }) => offset % 2 === 0), stream.filter((_, { offset }) => offset % 2 === 1)]
      joined('outer', even, odd, { within: '1s', name: 'pairs' }).toTopic(out)
    }
    await using t = await testContext(pairsOf, { partitions: 1 })
    const sends = Array.from({ length: 200 }, (_, i) => t.app.send(lefts, 'k', String(i), { timestamp: Math.floor(i / 2) * 10_000 }))
    await Promise.all(sends)
    await t.commit()

    expect(results(t).map(([, text]) => text)).toEqual(Array.from({ length: 100 }, (_, i) => `${2 * i}${2 * i + 1}`))
  })
})

describe('what a join keeps', () => {
  it('carries the headers of the record that came last, and of an unmatched one its own, also over a crash', async () => {
    await using t = await testContext(define('left', { within: '5s' }), { partitions: 1 })
    await t.input(lefts).send('k', 'A', 1000, { trace: 'left' })
    await t.input(rights).send('k', 'a', 2000, { trace: 'right' })
    await t.input(lefts).send('k', 'B', 20_000, { trace: 'alone', empty: null })
    await t.loseDisk()
    await t.input(lefts).send('k', 'C', 40_000)

    expect(
      t
        .output(out)
        .read()
        .map(({ value, headers }) => [value, headers.text('trace'), headers.get('empty')]),
    ).toEqual([
      ['Aa', 'right', undefined],
      ['B-', 'alone', null],
    ])
  })
  it('is written as the lanes say, and by key, behind a repartition when the key was replaced', async () => {
    const byValue = (app: App) => {
      const keyed = app.stream(lefts).keyBy((value) => String(value).charAt(0), nullable)
      keyed.leftJoin(app.stream(rights), { within: '1m', name: 'settle' }, (l, r) => `${l}${O.isSome(r) ? r.value : '-'}`).toTopic(out)
    }
    await using t = await testContext(byValue, { partitions: 3 })
    expect(t.app.describe().toString()).toContain('settle-left')

    for (let i = 0; i < 12; i++) await t.input(lefts).send(`k${i}`, String.fromCharCode(97 + i), 1000)
    await t.restart()
    for (let i = 0; i < 12; i++) await t.input(rights).send(String.fromCharCode(97 + i), '!', 2000)

    expect(
      results(t)
        .map(([key, text]) => `${key}:${text}`)
        .sort(),
    ).toEqual(Array.from({ length: 12 }, (_, i) => `${String.fromCharCode(97 + i)}:${String.fromCharCode(97 + i)}!`))
  })
  it('loses nothing when the lambda throws: the record is as if it had not come', async () => {
    const fragile = (app: App) =>
      app
        .stream(lefts)
        .join(app.stream(rights), { within: '10s' }, (l, r) => {
          if (r === 'bad') throw new Error('bad')
          return `${l}${r}`
        })
        .toTopic(out)
    await using t = await testContext(fragile, { partitions: 1, onError: { _tag: 'Skip' } })
    await t.input(lefts).send('k', 'A', 1000)
    await t.input(rights).send('k', 'bad', 11_000)
    await t.input(rights).send('k', 'a', 3000)
    await t.input(lefts).send('k', 'B', 4000)

    expect(results(t).map(([, text]) => text)).toEqual(['Aa', 'Ba'])
  })
  it('puts to the policy a record that cannot leave unmatched, and not the one whose coming let it go', async () => {
    const fragile = (app: App) =>
      app
        .stream(lefts)
        .leftJoin(app.stream(rights), { within: '1s' }, (l, r) => {
          if (l === 'bad') throw new Error('bad')
          return `${l}${O.isSome(r) ? r.value : '-'}`
        })
        .toTopic(out)
    const dead = topic('dead', { key: nullable, value: nullable })
    const policies = { _tag: 'DeadLetter', topic: 'dead', consecutive: 10 } as const
    await using t = await testContext(fragile, { partitions: 1, onError: policies })
    await t.input(lefts).send('k', 'bad', 1000)
    await t.input(lefts).send('k', 'A', 2000)
    await t.input(lefts).send('k', 'B', 10_000)
    await t.input(lefts).send('k', 'C', 20_000)

    expect(results(t).map(([, text]) => text)).toEqual(['A-', 'B-'])
    expect(
      t
        .output(dead)
        .read()
        .map(({ key, value }) => [key, value]),
    ).toEqual([['k', 'bad']])
  })
})

describe('a join on a quiet topic', () => {
  const window = { within: '10s', grace: '2s', closeAfterIdle: '5s' } as const
  const outer = async () => testContext(define('outer', window), { partitions: 2 })

  it('lets what has met nothing go once, when the wall clock has passed window and grace, also after a crash', async () => {
    await using t = await outer()
    await t.input(lefts).send('k', 'A', 1000)
    await t.input(rights).send('k', 'b', 20_000)
    await t.input(lefts).send('k', 'C', 21_000)
    expect(results(t)).toEqual([
      ['k', 'A-', 1000],
      ['k', 'Cb', 21_000],
    ])
    await t.input(lefts).send('x', 'X', 22_000)
    await t.advance('11s')
    await t.crash()
    await t.advance('4s')
    expect(results(t)).toEqual([])

    await t.advance('10s')
    expect(results(t)).toEqual([['x', 'X-', 22_000]])
    await t.loseDisk()
    await t.advance('60s')
    expect(results(t)).toEqual([])
  })
  it('gives at once what comes afterwards and is older, and joins what is younger', async () => {
    await using t = await outer()
    await t.input(lefts).send('k', 'A', 1000)
    await t.advance('60s')
    expect(results(t)).toEqual([['k', 'A-', 1000]])

    await t.input(rights).send('k', 'b', 1500)
    expect(results(t)).toEqual([['k', '-b', 1500]])
    await t.input(rights).send('k', 'c', 100_000)
    await t.input(lefts).send('k', 'D', 101_000)
    expect(results(t)).toEqual([['k', 'Dc', 101_000]])
  })
  it('waits behind a repartition topic until all that feeds it is read', async () => {
    const byValue = (app: App) =>
      app
        .stream(lefts)
        .keyBy((value): string | null => value, nullable)
        .leftJoin(app.stream(rights), { within: '10s', closeAfterIdle: '2s' }, (l, r) => `${l}${O.isSome(r) ? r.value : '-'}`)
        .toTopic(out)
    await using t = await testContext(byValue, { partitions: 3 })
    for (const key of ['a', 'b', 'c']) await t.input(lefts).send(key, `to ${key}`, 1000)
    await t.advance('30s')

    expect(
      results(t)
        .map(([, value]) => value)
        .sort(),
    ).toEqual(['to a-', 'to b-', 'to c-'])
  })
  it('puts to the policy what cannot leave, and lets the others go', async () => {
    const fussy = (app: App) =>
      app
        .stream(lefts)
        .leftJoin(app.stream(rights), window, (l) => {
          if (l === 'bad') throw new Error('no')
          return String(l)
        })
        .toTopic(out)
    await using t = await testContext(fussy, { partitions: 1, onError: policy.skip })
    await t.input(lefts).send('k', 'bad', 1000)
    await t.input(lefts).send('k', 'good', 1001)
    await t.advance('60s')

    expect(results(t)).toEqual([['k', 'good', 1001]])
  })
})

describe('the plan of a join', () => {
  const plan = (declare: (app: App) => unknown) => testContext(declare, { partitions: 1 })
  const f = () => ''

  it('refuses different keys, odd windows, and different numbers of partitions', async () => {
    const numbers = topic('numbers', { key: codec.number, value: codec.string })
    const three = topic('three', { key: nullable, value: codec.string, partitions: 3 })
    // @ts-expect-error keys are strings here and numbers there
    await expect(plan((app) => app.stream(lefts).join(app.stream(numbers), { within: 1 }, f))).rejects.toMatchObject({
      code: 'MR_KEY_CODEC',
    })
    await expect(plan((app) => app.stream(lefts).join(app.stream(rights), { within: -1 }, f))).rejects.toMatchObject({
      code: 'MR_DURATION',
    })
    await expect(
      plan((app) => app.stream(lefts).outerJoin(app.stream(rights), { within: { before: 1, after: NaN } }, f)),
    ).rejects.toMatchObject({ code: 'MR_DURATION' })
    await expect(plan((app) => app.stream(lefts).leftJoin(app.stream(rights), { within: 1, grace: -1 }, f))).rejects.toMatchObject({
      code: 'MR_DURATION',
    })
    await expect(plan((app) => app.stream(lefts).join(app.stream(three), { within: 1 }, f).toTopic(out))).rejects.toMatchObject({
      code: 'MR_CO_PARTITIONING',
    })
  })
})

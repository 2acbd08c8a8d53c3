import fc from 'fast-check'
import { codec, session, topic, tumbling } from '../../lib/index.js'
import { noHeaders } from '../../lib/core/headers.js'
import { testContext } from '../../lib/testing/index.js'
import { drawMarbles, matchMarbles, parseMarbles } from '../../lib/testing/marbles.js'

const clicks = topic('clicks', { key: codec.string, value: codec.string })
const counts = topic('counts', { key: codec.windowed(codec.string), value: codec.number })
const window = (key: string, start: number, end: number) => ({ key, start, end })

const names = { a: ['a', 1], b: ['b', 1] } as const
/** An output of records of value 1. */
const read = (...records: (readonly [key: string, at: number])[]) => ({
  read: () =>
    records.map(([key, timestamp], offset) => ({ key, value: 1, timestamp, headers: noHeaders, topic: 'out', partition: 0, offset })),
})

describe('marbles', () => {
  it('are read as RxJS writes them, in event time', () => {
    expect(parseMarbles('a-b 5s c(de)f')).toEqual([
      { name: 'a', at: 0 },
      { name: 'b', at: 2 },
      { name: 'c', at: 5003 },
      { name: 'd', at: 5004 },
      { name: 'e', at: 5004 },
      { name: 'f', at: 5008 },
    ])
    expect(parseMarbles('100ms a')).toEqual([{ name: 'a', at: 100 }])
    expect(() => parseMarbles('a-|')).toThrow(/no \|/)
  })

  it('are drawn so that they are read back the same', () => {
    const marble = fc.record({ name: fc.constantFrom('a', 'b', 'c'), at: fc.integer({ min: 0, max: 5000 }) })
    fc.assert(
      fc.property(fc.array(marble), (marbles) => {
        const sorted = marbles.toSorted((a, b) => a.at - b.at)
        expect(parseMarbles(drawMarbles(sorted))).toEqual(sorted)
      }),
    )
  })

  it('show what windows do: a final count each, when time has passed their ends', async () => {
    await using t = await testContext(
      (app) =>
        app
          .stream(clicks)
          .groupByKey()
          .window(tumbling(10, { emit: 'final' }))
          .count()
          .toTopic(counts),
      {
        partitions: 1,
      },
    )
    await t.input(clicks).marbles('a-a-b 20ms a', { a: ['ada', 'x'], b: ['bob', 'x'] })

    expect(t.output(counts).toMarbles({ A: [window('ada', 0, 10), 2], B: [window('bob', 0, 10), 1] })).toBe('--A-B')
  })

  it('stand under each other, what is at one time in one column', () => {
    const { message } = matchMarbles(read(['a', 2], ['a', 9], ['b', 9], ['b', 5000]), 'a--------a 4990ms b', names)

    expect(message()).toBe(
      [
        // Both are idle from 13 to 5000.
        'expected  a--------a--- 4987ms b',
        'actual    --a------(ab) 4987ms b',
      ].join('\n'),
    )
  })

  it('go by times where a group leaves no frame for what comes after it', () => {
    const { message } = matchMarbles(read(['a', 0], ['b', 0], ['a', 1]), 'a', names)

    expect(message()).toBe(['expected  @0ms a    @1ms', 'actual    @0ms (ab) @1ms a'].join('\n'))
    expect(parseMarbles('@0ms (ab) @1ms a')).toEqual([
      { name: 'a', at: 0 },
      { name: 'b', at: 0 },
      { name: 'a', at: 1 },
    ])
  })

  it('tell what a record is that no name stands for, which matches nothing', () => {
    const { pass, message } = matchMarbles(read(['a', 0], ['c', 3]), 'a--?', names)

    expect(pass).toBe(false)
    expect(message()).toBe("expected  a--?\nactual    a--?\n? at 3ms is 'c': 1")
  })

  it('are told of once where they are the same and were not to be', () => {
    const { pass, message } = matchMarbles(read(['a', 2]), '--a', names)

    expect(pass).toBe(true)
    expect(message()).toBe('expected anything but\n          --a')
  })

  it('show both diagrams when they differ', async () => {
    await using t = await testContext((app) => app.stream(clicks).groupByKey().window(session(5)).count().toTopic(counts), {
      partitions: 1,
    })
    await t.input(clicks).marbles('a', { a: ['ada', 'x'] })
    const result = matchMarbles(t.output(counts), '--A', { A: [window('ada', 0, 0), 1] })

    expect(result.pass).toBe(false)
    expect(result.message()).toBe('expected  --A\nactual    A')
  })
})

import fc from 'fast-check'
import { codec, session, topic, tumbling } from '../../lib/index.js'
import { testContext } from '../../lib/testing/index.js'
import { drawMarbles, matchMarbles, parseMarbles } from '../../lib/testing/marbles.js'

const clicks = topic('clicks', { key: codec.string, value: codec.string })
const counts = topic('counts', { key: codec.windowed(codec.string), value: codec.number })
const window = (key: string, start: number, end: number) => ({ key, start, end })

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
      fc.property(fc.uniqueArray(marble, { selector: ({ at }) => at }), (marbles) => {
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

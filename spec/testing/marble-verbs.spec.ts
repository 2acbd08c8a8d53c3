import { isSome } from 'fp-ts/lib/Option.js'
import { codec, hopping, session, topic, tumbling } from '../../lib/index.js'
import { testContext } from '../../lib/testing/index.js'

const clicks = topic('clicks', { key: codec.string, value: codec.string })
const late = topic('late', { key: codec.string, value: codec.string })
const counts = topic('counts', { key: codec.windowed(codec.string), value: codec.number })
const one = { partitions: 1 }
const click = { a: ['ada', 'x'], z: ['zoe', 'x'] } as const
const ada = (start: number, end: number) => ({ key: 'ada', start, end })

describe('in marbles', () => {
  it('a tumbling window is final once when its end and grace have passed, and what comes after that is late', async () => {
    await using t = await testContext(
      (app) =>
        app
          .stream(clicks)
          .groupByKey()
          .window(tumbling(10, { grace: 5, emit: 'final' }), { late })
          .count()
          .toTopic(counts),
      one,
    )

    await t.input(clicks).marbles('a---a---------z', click) // 14: the grace lasts until 15
    expect(t.output(counts).toMarbles({})).toBe('')

    await t.input(clicks).marbles('-a-------------z', click) // the second click of 1 counts; then 15 closes the window
    expect(t.output(counts).toMarbles({ A: [ada(0, 10), 3] })).toBe('----A')

    await t.input(clicks).marbles('---------a', click)
    expect(t.output(counts).toMarbles({})).toBe('')
    expect(t.output(late).toMarbles(click)).toBe('---------a')
  })

  it('a record counts in each hopping window that it lies in', async () => {
    await using t = await testContext(
      (app) =>
        app
          .stream(clicks)
          .groupByKey()
          .window(hopping(10, { every: 5 }))
          .count()
          .toTopic(counts),
      one,
    )

    await t.input(clicks).marbles('--a----a----a', click)

    const names = { A: [ada(0, 10), 1], B: [ada(0, 10), 2], C: [ada(5, 15), 1], D: [ada(5, 15), 2], E: [ada(10, 20), 1] } as const
    expect(t.output(counts).toMarbles(names)).toBe('--A----(BC)-(DE)')
  })

  it('a record between two sessions makes them one', async () => {
    await using t = await testContext(
      (app) =>
        app
          .stream(clicks)
          .groupByKey()
          .window(session(5, { grace: 5 }))
          .count()
          .toTopic(counts),
      one,
    )
    const names = { F: [ada(0, 0), 1], L: [ada(8, 8), 1], W: [ada(0, 8), 3], f: [ada(0, 0), null], l: [ada(8, 8), null] } as const

    await t.input(clicks).marbles('a-------a', click)
    expect(t.output(counts).toMarbles(names)).toBe('F-------L')

    await t.input(clicks).marbles('----a', click)
    expect(t.output(counts).toMarbles(names)).toBe('f-------(lW)')
  })

  it.each([
    ['join', '', '--------P', ''],
    ['leftJoin', '', '--------P', '------U'],
  ] as const)('%s pairs what is within 5, and gives the unmatched once when that has passed', async (verb, first, pair, unmatched) => {
    const orders = topic('orders', { key: codec.string, value: codec.string })
    const payments = topic('payments', { key: codec.string, value: codec.string })
    const paid = topic('paid', { key: codec.string, value: codec.string })
    await using t = await testContext((app) => {
      const [left, right] = [app.stream(orders), app.stream(payments)]
      return verb === 'join'
        ? left.join(right, { within: 5 }, (order, payment) => order + payment).toTopic(paid)
        : left.leftJoin(right, { within: 5 }, (order, payment) => order + (isSome(payment) ? payment.value : '-')).toTopic(paid)
    }, one)
    const result = { P: ['k', 'op'], U: ['j', 'o-'] } as const

    await t.input(orders).marbles('----o-u', { o: ['k', 'o'], u: ['j', 'o'] })
    expect(t.output(paid).toMarbles(result)).toBe(first)

    await t.input(payments).marbles('--------p', { p: ['k', 'p'] })
    expect(t.output(paid).toMarbles(result)).toBe(pair)

    await t.input(payments).marbles('------------p', { p: ['other', 'p'] }) // 12 > 6 + 5
    expect(t.output(paid).toMarbles(result)).toBe(unmatched)
  })

  it('an outer join gives the unmatched of either side once, when the time to find a match has passed', async () => {
    const [orders, payments] = [
      topic('orders', { key: codec.string, value: codec.string }),
      topic('payments', { key: codec.string, value: codec.string }),
    ]
    const paid = topic('paid', { key: codec.string, value: codec.string })
    await using t = await testContext(
      (app) =>
        app
          .stream(orders)
          .outerJoin(
            app.stream(payments),
            { within: 5 },
            (sides) => ('left' in sides ? sides.left : '-') + ('right' in sides ? sides.right : '-'),
          )
          .toTopic(paid),
      one,
    )
    const result = { P: ['k', 'op'], L: ['j', 'o-'], R: ['i', '-p'] } as const

    await t.input(orders).marbles('o-u', { o: ['k', 'o'], u: ['j', 'o'] })
    await t.input(payments).marbles('---pr', { p: ['k', 'p'], r: ['i', 'p'] })
    expect(t.output(paid).toMarbles(result)).toBe('---P')

    await t.input(orders).marbles('----------o', { o: ['other', 'o'] }) // 10 > 2 + 5 and 4 + 5
    expect(t.output(paid).toMarbles(result)).toBe('--L-R')
  })

  it('suppress gives the newest row of a key once it has been held for long enough', async () => {
    const prices = topic('prices', { key: codec.string, value: codec.string })
    const calm = topic('calm', { key: codec.string, value: codec.string })
    await using t = await testContext((app) => app.table(prices).suppress({ within: 5 }).toTopic(calm), one)
    const price = { a: ['tea', '1'], b: ['tea', '2'], c: ['tea', '3'], z: ['salt', '1'] } as const

    await t.input(prices).marbles('a-b', price)
    expect(t.output(calm).toMarbles(price)).toBe('')

    await t.input(prices).marbles('-----z', price) // 5 after the first of them
    expect(t.output(calm).toMarbles(price)).toBe('--b')

    await t.input(prices).marbles('------c', price)
    expect(t.output(calm).toMarbles(price)).toBe('')
  })

  it('a window on a quiet topic closes when nothing has come for closeAfterIdle', async () => {
    await using t = await testContext(
      (app) =>
        app
          .stream(clicks)
          .groupByKey()
          .window(tumbling(10, { emit: 'final', closeAfterIdle: '1m' }))
          .count()
          .toTopic(counts),
      one,
    )

    await t.input(clicks).marbles('a--a', click)
    await t.advance('59s')
    expect(t.output(counts).toMarbles({})).toBe('')

    await t.advance('2s')
    expect(t.output(counts).toMarbles({ A: [ada(0, 10), 2] })).toBe('---A')
  })
})

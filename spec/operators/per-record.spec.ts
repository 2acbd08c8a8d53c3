import { left, right } from 'fp-ts/lib/Either.js'
import { headersFrom } from '../../lib/core/headers.js'
import { filter } from '../../lib/operators/filter.js'
import { flatMap } from '../../lib/operators/flat-map.js'
import { keyBy } from '../../lib/operators/key-by.js'
import { mapEither } from '../../lib/operators/map-either.js'
import { map } from '../../lib/operators/map.js'
import { split } from '../../lib/operators/split.js'
import { tap } from '../../lib/operators/tap.js'
import { withHeaders } from '../../lib/operators/with-headers.js'
import { withTimestamp } from '../../lib/operators/with-timestamp.js'
import type { AnyRec, PerRecord, Route } from '../../lib/topology/operator.js'
import { fakeTask, opened, record } from '../support/fake-task.js'

const through = (verb: PerRecord, given: AnyRec): AnyRec[] => {
  const out: AnyRec[] = []
  verb.open(fakeTask())(given, (emitted) => out.push(emitted))
  return out
}
const routed = (verb: Route, given: AnyRec): (readonly unknown[])[] => {
  const out = Array.from({ length: verb.branches }, (): unknown[] => [])
  verb.open(fakeTask())(
    given,
    out.map((branch) => (emitted: AnyRec) => void branch.push(emitted.value)),
  )
  return out
}

/** TypeScript lets it through where nothing is expected back, which is why the verb has to refuse it. */
const promising = (): unknown => Promise.resolve()

describe('the verbs that take one record at a time', () => {
  it('give the value first, and the rest of the record second', () => {
    const seen: unknown[] = []
    const given = record('k', 'v', 5, headersFrom({ a: '1' }))
    through(
      tap(
        (value, { key, timestamp, topic, partition, offset, headers }) =>
          void seen.push([value, key, timestamp, topic, partition, offset, headers.text('a')]),
      ),
      given,
    )

    expect(seen).toEqual([['v', 'k', 5, 'topic', 3, 7, '1']])
  })

  it('leave the rest of a record as it was', () => {
    const given = record('k', 1, 5, headersFrom({ a: '1' }))
    const [mapped] = through(
      map<string, number, number>((value) => value + 1),
      given,
    )
    const [keyed] = through(
      keyBy((value) => `${String(value)}!`),
      given,
    )
    const rest = { timestamp: 5, topic: 'topic', partition: 3, offset: 7, headers: given.headers }

    expect(mapped).toMatchObject({ key: 'k', value: 2, ...rest })
    expect(keyed).toMatchObject({ key: '1!', value: 1, ...rest })
  })

  it('filter: pass on the record itself, or nothing', () => {
    const given = record('k', 1)

    expect(
      through(
        filter<string, number>((value) => value > 0),
        given,
      ),
    ).toEqual([given])
    expect(
      through(
        filter<string, number>((value) => value > 1),
        given,
      ),
    ).toEqual([])
  })

  it('flatMap: emit one record for each value, in order, and none for none', () => {
    const words = opened(
      fakeTask(),
      flatMap<unknown, string, string>((line) => line.split(' ').filter(Boolean)),
    )

    expect(words('k', 'a b', 3)).toEqual([
      ['k', 'a', 3],
      ['k', 'b', 3],
    ])
    expect(words('k', '')).toEqual([])
  })

  it('withHeaders: replace the headers of that name, all of them, and keep the others', () => {
    const given = record('k', 'v', 0, headersFrom([['a', '1'], ['b', '2'], ['a', '3']])) // prettier-ignore
    const [changed] = through(
      withHeaders(() => ({ a: '4', c: null })),
      given,
    )

    expect([...(changed?.headers ?? [])].map(([name, value]) => [name, value && Buffer.from(value).toString()])).toEqual([
      ['b', '2'],
      ['a', '4'],
      ['c', null],
    ])
    expect(given.headers.getAll('a')).toHaveLength(2)
  })

  it.each([NaN, Infinity, -1])('withTimestamp: refuse %p', (timestamp) => {
    expect(() =>
      through(
        withTimestamp(() => timestamp),
        record('k', 'v'),
      ),
    ).toThrow('MR_TIMESTAMP')
  })

  it.each<readonly [string, PerRecord]>([
    ['map', map(async () => 1)],
    ['filter', filter((async () => true) as unknown as () => boolean)],
    ['flatMap', flatMap((async () => []) as unknown as () => [])],
    ['keyBy', keyBy(async () => 1)],
    ['tap', tap(promising)],
    ['withHeaders', withHeaders((async () => ({})) as unknown as () => Record<string, string>)],
    ['withTimestamp', withTimestamp((async () => 1) as unknown as () => number)],
  ])('%s: refuse a promise', (_, verb) => {
    expect(() => through(verb, record('k', 'v'))).toThrow('MR_PROMISE_IN_SYNC_VERB')
  })

  it('answer for a rejection of the promise they refuse', async () => {
    const unhandled: unknown[] = []
    const listen = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', listen)
    const rejecting = (): unknown => Promise.reject(new Error('no'))
    expect(() => through(tap(rejecting), record('k', 'v'))).toThrow('MR_PROMISE_IN_SYNC_VERB')
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', listen)

    expect(unhandled).toEqual([])
  })
})

describe('split', () => {
  it('gives a record to the first test that holds, and to the last branch when none does', () => {
    const asked: string[] = []
    const test = (name: string, holds: (value: number) => boolean) => (value: number) => {
      asked.push(name)
      return holds(value)
    }
    const verb = split<string, number>([test('small', (value) => value < 10), test('even', (value) => value % 2 === 0)])

    expect(routed(verb, record('k', 4))).toEqual([[4], [], []])
    expect(asked).toEqual(['small'])
    expect(routed(verb, record('k', 12))).toEqual([[], [12], []])
    expect(routed(verb, record('k', 13))).toEqual([[], [], [13]])
  })

  it('refuses a promise, which would hold for every record', () => {
    expect(() => routed(split([(async () => false) as unknown as () => boolean]), record('k', 1))).toThrow('MR_PROMISE_IN_SYNC_VERB')
  })
})

describe('mapEither', () => {
  it('gives what is left to the first branch, and what is right to the second', () => {
    const verb = mapEither<string, number, string, number>((value) => (value < 0 ? left('negative') : right(value * 2)))

    expect(routed(verb, record('k', -1))).toEqual([['negative'], []])
    expect(routed(verb, record('k', 2))).toEqual([[], [4]])
  })
})

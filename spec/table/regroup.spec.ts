import { agg, codec, topic, type App } from 'millrace'
import { testContext } from 'millrace/testing'

interface Person {
  readonly city: string | null
  readonly name: string | null
}
const people = topic('people', { key: codec.string, value: codec.json<Person>() })
const counts = topic('counts', { key: codec.string, value: codec.number })
const names = topic('names', { key: codec.string, value: codec.string })

const group = (app: App) => {
  // A null in the pair, as one that comes from JavaScript may have it, is what a half is skipped for.
  const pair = ({ city, name }: Person): [string, string] | null => (city === '' ? null : [city as string, name as string])
  return app.table(people).groupBy(pair, codec.string, codec.string)
}
const define = (app: App) => {
  const cities = group(app)
  cities.count().toTopic(counts)
  cities
    .aggregate({ empty: '', add: (all, name) => all + name, remove: (all, name) => all.replace(name, '') })
    .map((all) => `<${all}>`)
    .toTopic(names)
}

describe('a table that is grouped by another key', () => {
  it('takes the old value out at the old key, adds the new one at the new, and keeps the row of a group that is empty', async () => {
    await using t = await testContext(define, { partitions: 1 })
    const send = t.input(people)
    await send.send('p', { city: 'rome', name: 'P' }, 10)
    await send.send('q', { city: 'rome', name: 'Q' }, 20)
    await send.send('p', { city: 'oslo', name: 'P' }, 5)
    await send.send('q', null, 30)

    expect(
      t
        .output(counts)
        .read()
        .map(({ key, value, timestamp }) => [key, value, timestamp]),
    ).toEqual([
      ['rome', 1, 10],
      ['rome', 2, 20],
      ['rome', 1, 20],
      ['oslo', 1, 5],
      ['rome', 0, 30],
    ])
    expect(t.output(names).values()).toEqual(['<P>', '<PQ>', '<Q>', '<P>', '<>'])
  })

  it('does both in one step, with one result, when the key stays', async () => {
    await using t = await testContext(define, { partitions: 1 })
    await t.input(people).send('p', { city: 'rome', name: 'P' }, 1)
    await t.input(people).send('p', { city: 'rome', name: 'Paul' }, 2)

    expect(t.output(names).values()).toEqual(['<P>', '<Paul>'])
    expect(t.output(counts).values()).toEqual([1, 1])
  })

  it('skips the half of a null pair, key or value', async () => {
    await using t = await testContext(define, { partitions: 1 })
    const send = t.input(people)
    await send.send('p', { city: '', name: 'pair' }, 1)
    await send.send('p', { city: null, name: 'key' }, 2)
    await send.send('p', { city: 'rome', name: null }, 3)
    await send.send('p', { city: 'rome', name: 'P' }, 4)
    await send.send('p', { city: '', name: 'P' }, 5)

    expect(t.output(names).values()).toEqual(['<P>', '<>'])
  })

  it('needs what can be taken out again, as agg has it', async () => {
    const rich = (app: App) => {
      group(app)
        .aggregate(agg.struct({ n: agg.count, letters: agg.sum((name: string) => name.length) }))
        .map(({ n, letters }) => `${n}: ${letters}`)
        .toTopic(names)
    }
    await using t = await testContext(rich, { partitions: 1 })
    await t.input(people).send('p', { city: 'rome', name: 'Paul' }, 1)
    await t.input(people).send('q', { city: 'rome', name: 'Q' }, 2)
    await t.input(people).send('p', null, 3)

    expect(t.output(names).values()).toEqual(['1: 4', '2: 5', '1: 1'])
  })
})

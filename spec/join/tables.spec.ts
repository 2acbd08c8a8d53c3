import { codec, topic, type KTable } from '../../lib/index.js'
import { testContext } from '../../lib/testing/index.js'

const left = topic('left', { key: codec.string, value: codec.string, partitions: 3 })
const right = topic('right', { key: codec.string, value: codec.string, partitions: 3 })

describe('joins of tables', () => {
  it('can be regrouped below a join of one table with itself: what is taken out is what was put in', async () => {
    await using t = await testContext((app) => {
      const table = app.table(left)
      const doubled = table.map((row) => `${row}!`)
      table
        .join(doubled, (a, b) => `${a}${b}`)
        .groupBy((row) => [row, 1], codec.string, codec.number)
        .count()
        .toTopic(topic('counted', { key: codec.string, value: codec.number }))
    })
    await t.input(left).send('k', 'a')
    await t.input(left).send('k', 'b')
    await t.input(left).send('k', null)

    const counted = t.output(topic('counted', { key: codec.string, value: codec.number })).toMap()
    expect([...counted.values()].every((count) => count === 0)).toBe(true)
  })

  it('can be asked for rows, in order of the keys, whether or not something follows', async () => {
    let joined: KTable<string, string> | null = null
    await using t = await testContext((app) => {
      joined = app.table(left).outerJoin(app.table(right), (both) => both._tag)
    })
    for (const key of ['b', 'a']) await t.input(left).send(key, 'l')
    for (const key of ['c', 'a']) await t.input(right).send(key, 'r')

    const rows: (readonly [string, string])[] = []
    for await (const row of (joined as unknown as KTable<string, string>).entries()) rows.push(row)
    expect(rows).toEqual([
      ['a', 'Both'],
      ['b', 'Left'],
      ['c', 'Right'],
    ])
    expect(await (joined as unknown as KTable<string, string>).get('c')).toMatchObject({ value: 'Right' })
  })
})

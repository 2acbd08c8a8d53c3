import * as O from 'fp-ts/lib/Option.js'
import { codec, topic, type App } from 'millrace'
import { testContext, type TestContext } from 'millrace/testing'

const orders = topic('orders', { key: codec.string, value: codec.string })
const users = topic('users', { key: codec.string, value: codec.string })
const out = topic('out', { key: codec.string, value: codec.nullable(codec.string) })

/** `u1:book`: of user u1; `:book`: of nobody. */
const userOf = (order: string): string | null => order.split(':')[0] || null

const inner = (app: App) =>
  app
    .table(orders)
    .joinOn(app.table(users), userOf, (order, user) => `${order}/${user}`)
    .toTopic(out)
const left = (app: App) =>
  app
    .table(orders)
    .leftJoinOn(app.table(users), userOf, (order, user) => `${order}/${O.toNullable(user) ?? '-'}`)
    .toTopic(out)

/** What has come out since it was asked last. */
const watch = (t: TestContext) => () =>
  t
    .output(out)
    .read()
    .map(({ key, value, timestamp }) => [key, value, timestamp])

describe('a join by foreign key', () => {
  it('answers each change of either side with the pair there is: of the left with the larger time, of the right with its own', async () => {
    await using t = await testContext(inner, { partitions: 2 })
    const told = watch(t)
    await t.input(users).send('u1', 'Ann', 50)
    await t.input(orders).send('o1', 'u1:book', 10)
    expect(told()).toEqual([['o1', 'u1:book/Ann', 50]])
    await t.input(orders).send('o2', 'u1:pen', 60)
    expect(told()).toEqual([['o2', 'u1:pen/Ann', 60]])
    await t.input(users).send('u1', 'Anna', 20)
    expect(told().sort()).toEqual([
      ['o1', 'u1:book/Anna', 20],
      ['o2', 'u1:pen/Anna', 20],
    ])
    await t.input(users).send('u1', null, 70)
    expect(told().sort()).toEqual([
      ['o1', null, 70],
      ['o2', null, 70],
    ])
  })

  it('deletes once, and only what there was', async () => {
    await using t = await testContext(inner, { partitions: 2 })
    const told = watch(t)
    await t.input(orders).send('o1', 'u1:book', 10)
    await t.input(orders).send('o1', ':book', 20)
    await t.input(orders).send('o1', null, 30)
    await t.input(users).send('u2', null, 40)
    expect(told()).toEqual([])
    await t.input(users).send('u1', 'Ann', 50)
    await t.input(orders).send('o1', 'u1:book', 60)
    await t.input(orders).send('o1', null, 40)
    await t.input(users).send('u1', null, 80)

    expect(told()).toEqual([
      ['o1', 'u1:book/Ann', 60],
      ['o1', null, 50],
    ])
  })

  it('follows the foreign key, also from and to null', async () => {
    await using t = await testContext(inner, { partitions: 2 })
    const told = watch(t)
    await t.input(users).send('u1', 'Ann', 1)
    await t.input(users).send('u2', 'Bob', 2)
    await t.input(orders).send('o1', ':book', 10)
    await t.input(orders).send('o1', 'u1:book', 11)
    await t.input(orders).send('o1', 'u2:book', 12)
    await t.input(orders).send('o1', ':book', 13)
    await t.input(orders).send('o1', 'u1:book', 14)
    await t.input(orders).send('o1', 'u3:book', 15)
    await t.input(users).send('u1', 'Anna', 16)

    expect(told()).toEqual([
      ['o1', 'u1:book/Ann', 11],
      ['o1', 'u2:book/Bob', 12],
      ['o1', null, 13],
      ['o1', 'u1:book/Ann', 14],
      ['o1', null, 15],
    ])
  })

  it('keeps every left row when it is a left join; its delete has its own time', async () => {
    await using t = await testContext(left, { partitions: 2 })
    const told = watch(t)
    await t.input(users).send('u1', 'Ann', 100)
    await t.input(orders).send('o1', ':book', 10)
    await t.input(orders).send('o1', 'u1:book', 11)
    await t.input(orders).send('o1', ':book', 12)
    await t.input(orders).send('o1', 'u3:book', 13)
    await t.input(orders).send('o1', null, 14)
    await t.input(orders).send('o1', null, 15)

    expect(told()).toEqual([
      ['o1', ':book/-', 10],
      ['o1', 'u1:book/Ann', 100],
      ['o1', ':book/-', 12],
      ['o1', 'u3:book/-', 13],
      ['o1', null, 14],
    ])
  })

  it('drops an answer to a row that has changed meanwhile: many at once come to the newest, each told of no user that is not its own', async () => {
    await using t = await testContext(inner, { partitions: 2, commit: 'manual' })
    await t.input(users).send('u1', 'Ann', 1)
    await t.input(users).send('u2', 'Bob', 2)
    const all = Array.from({ length: 100 }, (_, i) => ({ at: 10 + i, order: `u${(i % 2) + 1}:${i}` }))
    await Promise.all(all.map(({ at, order }) => t.app.send(orders, 'o1', order, { timestamp: at })))
    await t.commit()

    const results = t.output(out).read()
    expect(results.at(-1)).toMatchObject({ key: 'o1', value: 'u2:99/Bob' })
    expect(results.every(({ value }) => /^(u1:\d+\/Ann|u2:\d+\/Bob)$/.test(value ?? 'null'))).toBe(true)
  })
})

import { codec, topic, type App } from 'millrace'
import { testContext, type TestContext } from 'millrace/testing'

const nullable = codec.nullable(codec.string)
const texts = topic('texts', { key: nullable, value: codec.nullable(codec.json<{ id: string; n: number }>()) })
const out = topic('out', { key: nullable, value: codec.json<{ id: string; n: number }>() })

const byId = (app: App) =>
  app
    .stream(texts)
    .distinct({ within: 10, by: (value) => value?.id })
    .toTopic(out)
const numbers = (t: TestContext) =>
  t
    .output(out)
    .values()
    .map((value) => value?.n)
const sending = (t: TestContext) => (key: string | null, id: string, n: number, at: number) => t.input(texts).send(key, { id, n }, at)

describe('distinct', () => {
  it('lets the first of an identity pass, again from first + within on; one that is dropped does not extend it', async () => {
    await using t = await testContext(byId, { partitions: 1 })
    const send = sending(t)
    await send('k', 'a', 1, 0)
    await send('k', 'a', 2, 9)
    await send('other', 'a', 3, 9)
    await send('k', 'b', 4, 9)
    await send('k', 'a', 5, 10)
    await send('k', 'a', 6, 19)
    await send('k', 'a', 7, 20)

    expect(numbers(t)).toEqual([1, 3, 4, 5, 7])
  })
  it('knows one that is out of order for within longer', async () => {
    await using t = await testContext(byId, { partitions: 1 })
    const send = sending(t)
    await send('k', 'a', 1, 0)
    await send('k', 'b', 2, 19)
    await send('k', 'a', 3, 5)
    await send('k', 'b', 4, 20)
    await send('k', 'a', 5, 5)

    expect(numbers(t)).toEqual([1, 2, 5])
  })
  it('compares whole values without by, also long ones, and drops null keys and values', async () => {
    await using t = await testContext((app) => app.stream(texts).distinct({ within: '1d', name: 'once' }).toTopic(out), { partitions: 1 })
    const send = sending(t)
    await send('k', 'x'.repeat(5000), 1, 0)
    await send('k', 'x'.repeat(5000), 1, 1)
    await send('k', 'x'.repeat(5000), 2, 1)
    await send(null, 'a', 3, 1)
    await t.input(texts).send('k', null, 1)

    expect(numbers(t)).toEqual([1, 2])
    expect(t.app.describe().toString()).toContain('once')
  })
  it('remembers over a restart, a crash and a lost disk', async () => {
    await using t = await testContext(byId, { partitions: 2 })
    const send = sending(t)
    await send('k', 'a', 1, 0)
    await t.restart()
    await send('k', 'a', 2, 1)
    await t.crash()
    await send('k', 'a', 3, 2)
    await t.loseDisk()
    await send('k', 'a', 4, 3)
    await send('k', 'a', 5, 10)

    expect(numbers(t)).toEqual([1, 5])
  })
  it('refuses an odd duration', async () => {
    await expect(testContext((app) => app.stream(texts).distinct({ within: -1 }))).rejects.toMatchObject({ code: 'MR_DURATION' })
  })
})

import { codec, topic, type App, type Codec, type RestoreProgress } from 'millrace'
import { testContext } from 'millrace/testing'

const input = topic('input', { key: codec.string, value: codec.number })
const counts = topic('counts', { key: codec.string, value: codec.number })

describe('restore$', () => {
  it('tells how far each store is, up to all of it', async () => {
    const seen: RestoreProgress[] = []
    const define = (app: App) => {
      app.restore$.subscribe((progress) => seen.push(progress))
      app.stream(input).groupByKey().count({ name: 'counts' }).toTopic(counts)
    }
    await using t = await testContext(define, { partitions: 1 })
    for (const key of ['a', 'b', 'c']) await t.input(input).send(key, 1)
    expect(seen).toEqual([])

    await t.loseDisk()

    expect(seen.at(-1)).toMatchObject({ task: 'input-0', store: 'counts' })
    expect(seen.at(-1)?.records).toBe(seen.at(-1)?.total)
    expect(seen.at(-1)?.total).toBeGreaterThanOrEqual(3)
  })
})

describe('a codec that must look something up', () => {
  it('is prepared before its records are decoded, batch by batch', async () => {
    const known = new Set<string>()
    const schemas: Codec<string> = {
      name: 'by schema',
      encode: (value) => Buffer.from(value),
      decode: (bytes) => {
        const id = String(bytes).slice(0, 1)
        if (!known.has(id)) throw new Error(`schema ${id} is not known`)
        return String(bytes)
      },
      prepare: async (bytes) => {
        await new Promise((next) => setImmediate(next))
        known.add(String(bytes).slice(0, 1))
      },
    }
    const looked = topic('looked-up', { key: codec.string, value: schemas })
    const out = topic('out', { key: codec.string, value: codec.string })
    await using t = await testContext(
      (app) =>
        app
          .stream(looked)
          .map((value) => value.toUpperCase())
          .toTopic(out),
      { partitions: 1 },
    )

    for (const value of ['a1', 'b1', 'a2']) await t.input(looked).send('k', value)

    expect(t.output(out).values()).toEqual(['A1', 'B1', 'A2'])
  })
})

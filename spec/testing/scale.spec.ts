import { codec, topic, type App } from '../../lib/index.js'
import { testContext } from '../../lib/testing/index.js'

const words = topic('words', { key: codec.string, value: codec.string })
const counts = topic('counts', { key: codec.string, value: codec.number })
const countWords = (app: App) =>
  app
    .stream(words)
    .groupBy((word) => word, codec.string)
    .count()
    .toTopic(counts)

describe('scale', () => {
  it.each(['at-least-once', 'exactly-once'] as const)(
    'lets members join and leave: each key is counted on where another member left it (%s)',
    async (delivery) => {
      await using t = await testContext(countWords, { partitions: 4, delivery })
      const say = async (...said: readonly string[]) => {
        for (const [i, word] of said.entries()) await t.input(words).send(`line ${i}`, word)
        return Object.fromEntries(t.output(counts).toMap())
      }
      expect(await say('mill', 'race', 'mill')).toEqual({ mill: 2, race: 1 })
      await t.scale(3)
      expect(await say('mill', 'race', 'wheel')).toEqual({ mill: 3, race: 2, wheel: 1 })
      await t.scale(2)
      expect(await say('mill', 'wheel')).toEqual({ mill: 4, race: 2, wheel: 2 })
    },
  )

  it('is for the others to take over while the first member is away, and to give back', async () => {
    await using t = await testContext(countWords, { partitions: 4 })
    await t.scale(2)
    for (const happens of ['crash', 'restart', 'loseDisk'] as const) {
      await t.input(words).send('line', 'mill')
      await t[happens]()
      await t.input(words).send('line', 'race')
    }

    expect(Object.fromEntries(t.output(counts).toMap())).toEqual({ mill: 3, race: 3 })
  })

  it('takes a whole number of members above 0', async () => {
    await using t = await testContext(countWords)

    await expect(t.scale(0)).rejects.toMatchObject({ code: 'MR_CONFIG' })
    await expect(t.scale(1.5)).rejects.toMatchObject({ code: 'MR_CONFIG' })
  })
})

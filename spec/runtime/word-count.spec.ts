import { codec, topic, type App } from 'millrace'
import { testContext } from 'millrace/testing'

const lines = topic('lines', { key: codec.none, value: codec.string })
const counts = topic('word-counts', { key: codec.string, value: codec.number })

const wordCount = (app: App) => {
  const words = app
    .stream(lines)
    .flatMap((line) => line.toLowerCase().match(/\p{L}+/gu) ?? [])
    .groupBy((word) => word, codec.string)
    .count({ name: 'words' })
  words.toTopic(counts)
  return words
}

describe('word count', () => {
  it('counts through a repartition topic into a table and a topic', async () => {
    await using t = await testContext(wordCount)
    await t.input(lines).send(null, 'to be or not to be')
    expect(t.output(counts).toMap()).toEqual(
      new Map([
        ['to', 2],
        ['be', 2],
        ['or', 1],
        ['not', 1],
      ]),
    )
  })

  it('goes on counting after a restart, a crash and a lost disk', async () => {
    await using t = await testContext(wordCount)
    const input = t.input(lines)
    await input.send(null, 'to be')
    await t.restart()
    await t.input(lines).send(null, 'to be')
    await t.crash()
    await t.input(lines).send(null, 'to be')
    await t.loseDisk()
    await t.input(lines).send(null, 'to be')
    expect(t.output(counts).toMap()).toEqual(
      new Map([
        ['to', 4],
        ['be', 4],
      ]),
    )
  })
})

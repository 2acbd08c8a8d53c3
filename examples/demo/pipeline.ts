import { codec, topic, type App } from 'millrace'

/** The paragraphs of the book, keyed by their chapter. */
export const paragraphs = topic('moby-paragraphs', { key: codec.string, value: codec.string, partitions: 4 })
/** Each word with how often it has come up so far. */
export const wordCounts = topic('moby-word-counts', { key: codec.string, value: codec.number, partitions: 4 })

export const wordCount = (app: App) => {
  const text = app.stream(paragraphs)
  const words = text
    .flatMap((paragraph) => paragraph.toLowerCase().match(/\p{L}+/gu) ?? [])
    .groupBy((word) => word, codec.string) // words travel through a repartition topic to the one task that counts them
    .count({ name: 'moby-words' }) // kept in LMDB, backed by a changelog topic
  words.toTopic(wordCounts)

  // How many paragraphs of each chapter have been read: where a run that was interrupted goes on.
  const read = text.groupByKey().count({ name: 'moby-paragraphs-read' })
  return { text, words, read, updates: words.toStream() }
}

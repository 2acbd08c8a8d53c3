import { setTimeout as sleep } from 'node:timers/promises'
import { codec, topic, type App } from '../../lib/index.js'
import { groupOf, inputOf, outputsOf, partitions } from './messages.js'

const text = (name: string) => topic(name, { key: codec.string, value: codec.string, partitions })

/** The app passes its input on, counts it by key, and counts it by group beyond a repartition topic. */
export const defineWork = (app: App, id: string): void => {
  const names = outputsOf(id)
  const source = app.stream(text(inputOf(id)))
  source
    .mapAsync(
      async (value) => {
        // A few outlast a rebalance.
        await sleep(Math.random() < 1 / 4000 ? 1500 : Math.random() * 4)
        return value
      },
      { concurrency: 16, order: 'input' },
    )
    .toTopic(text(names.passed))
  source.groupByKey().count({ name: 'counts' }).toStream().map(String).toTopic(text(names.counts))
  source
    .groupBy((_, { key }) => groupOf(key), codec.string)
    .count({ name: 'groups' })
    .toStream()
    .map(String)
    .toTopic(text(names.groups))
}

import { codec, topic, tumbling, type App } from '../../lib/index.js'

export const clicks = topic('clicks', { key: codec.string, value: codec.string })
export const counts = topic('counts', { key: codec.windowed(codec.string), value: codec.number })
export const countClicks = (app: App) =>
  app
    .stream(clicks)
    .groupByKey()
    .window(tumbling(10, { emit: 'final' }))
    .count()
    .toTopic(counts)
export const names = { A: [{ key: 'ada', start: 0, end: 10 }, 2], B: [{ key: 'bob', start: 0, end: 10 }, 1] } as const

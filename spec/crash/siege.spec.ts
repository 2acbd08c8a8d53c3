import { describeKafka, uniqueName } from '../support/kafka/index.js'
import { siege } from './siege.js'

describeKafka('two processes that are killed', (kafka) => {
  it.each(['exactly-once', 'at-least-once'] as const)(
    'keep the promise of %s over 20 blows',
    async (mode) => {
      const result = await siege({
        id: uniqueName('siege'),
        brokers: kafka().brokers,
        mode,
        kills: 20,
        seed: 20_261_122,
        log: () => undefined,
      })

      expect(result.faults).toEqual([])
      expect(result.records).toBeGreaterThan(5000)
    },
    300_000,
  )
})

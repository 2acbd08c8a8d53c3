/**
 * The campaigns of the specs, for as long as is wanted:
 * `npm run crash -- --mode exactly-once --kills 200 --kafka 3.9.2 [--seed 1]`, or `npm run crash -- --minutes 20` for a soak.
 */
import { parseArgs } from 'node:util'
import { startKafka } from '../support/kafka/broker.js'
import { kafkaVersions } from '../support/kafka/jars.js'
import type { CampaignOptions } from './campaign.js'
import { siege } from './siege.js'
import { soak } from './soak.js'
import type { Mode } from './steps.js'

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'exactly-once' },
    kills: { type: 'string', default: '200' },
    kafka: { type: 'string', default: kafkaVersions.current },
    minutes: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
  },
})

const oneOf = <A extends string>(option: string, choices: readonly A[]): A => {
  const choice = choices.find((name) => name === option)
  if (choice === undefined) throw new Error(`${option} is none of ${choices.join(', ')}`)
  return choice
}

const main = async (): Promise<void> => {
  const mode = oneOf<Mode>(values.mode, ['exactly-once', 'at-least-once'])
  const version = oneOf(values.kafka, Object.values(kafkaVersions))
  const began = Date.now()
  const kafka = await startKafka({ version })
  try {
    const options: CampaignOptions = {
      id: `siege-${began}`,
      brokers: kafka.brokers,
      mode,
      seed: Number(values.seed),
      log: (line) => console.log(line),
    }
    const minutes = Number(values.minutes)
    const result = minutes > 0 ? await soak({ ...options, minutes }) : await siege({ ...options, kills: Number(values.kills) })
    console.log(JSON.stringify({ mode, kafka: version, seed: values.seed, ...result, seconds: Math.round((Date.now() - began) / 1000) }))
    process.exitCode = result.faults.length === 0 ? 0 : 1
  } finally {
    await kafka.stop()
  }
}
main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})

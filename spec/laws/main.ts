/** `npm run laws -- --histories 100000 --seed 7 --only 'session windows'`: more histories than the specs play. */
import { parseArgs } from 'node:util'
import { laws } from './all.js'
import { failureOf } from './check.js'

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: { histories: { type: 'string' }, seed: { type: 'string' }, path: { type: 'string' }, only: { type: 'string' } },
  })
  const chosen = laws.filter(({ name }) => name.includes(values.only ?? ''))
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const histories = Math.ceil(Number(values.histories ?? 10_000) / chosen.length)
  console.log(`${histories} histories each of ${chosen.length} laws, seed ${seed}`)
  for (const law of chosen) {
    const before = process.cpuUsage()
    const failure = await failureOf(law, { histories, seed, path: values.path })
    const { user, system } = process.cpuUsage(before)
    const cpu = ((user + system) / 1000 / histories).toFixed(1)
    console.log(failure === null ? `agrees: ${law.name}, ${cpu} ms CPU each` : `differs: ${failure}`)
    if (failure !== null) process.exitCode = 1
  }
}
main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})

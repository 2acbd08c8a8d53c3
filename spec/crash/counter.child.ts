/** A process to be killed: counts records by key, on the disk and the log it is given. Says `running` when it does. */
import { codec, createApp, topic } from '../../lib/index.js'

const [id = '', stateDir = '', brokers = ''] = process.argv.slice(2)
const input = topic(`${id}-in`, { key: codec.string, value: codec.number, partitions: 4 })
const output = topic(`${id}-out`, { key: codec.string, value: codec.number, partitions: 4 })

const app = createApp({
  id,
  stateDir,
  ...(brokers !== '' && { brokers: brokers.split(',') }),
  commitEvery: '50ms',
  tuning: { sessionTimeout: '1500ms', heartbeatEvery: '300ms', rebalanceTimeout: '5s', fetchWait: '50ms' },
})
app.stream(input).groupByKey().count({ name: 'counts' }).toTopic(output)

const main = async (): Promise<void> => {
  await app.start()
  process.on('SIGTERM', () => void app.settled().then(() => app.stop()))
  process.stdout.write('running\n')
  await app.done
}
main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})

/** A process to be killed. It passes its input on, counts it by key, and counts it by group beyond a repartition topic. */
import { setTimeout as sleep } from 'node:timers/promises'
import { codec, createApp, topic } from '../../lib/index.js'
import { FatalSockets } from './fatal-socket.js'
import { groupOf, inputOf, outputsOf, partitions, sessionTimeoutMs, type Order, type Report, type WorkerOptions } from './messages.js'

const { id, stateDir, brokers, mode } = JSON.parse(process.argv[2] ?? '') as WorkerOptions
const textTopic = (name: string) => topic(name, { key: codec.string, value: codec.string, partitions })
const [input, passed, counts, groups] = [inputOf(id), ...Object.values(outputsOf(id))].map(textTopic)
if (!input || !passed || !counts || !groups) throw new Error('four topics have four names')

const sockets = new FatalSockets()
const app = createApp({
  id,
  stateDir,
  brokers,
  delivery: mode,
  commitEvery: '50ms',
  kafka: { socketFactory: sockets.create },
  tuning: {
    sessionTimeout: sessionTimeoutMs,
    heartbeatEvery: '300ms',
    rebalanceTimeout: '5s',
    fetchWait: '50ms',
    transactionTimeout: '3s',
  },
})
const source = app.stream(input)
source
  .mapAsync(
    async (value) => {
      await sleep(Math.random() * 4)
      return value
    },
    { concurrency: 16, order: 'input' },
  )
  .toTopic(passed)
source.groupByKey().count({ name: 'counts' }).toStream().map(String).toTopic(counts)
source
  .groupBy((_, { key }) => groupOf(key), codec.string)
  .count({ name: 'groups' })
  .toStream()
  .map(String)
  .toTopic(groups)

const report = (message: Report): void => void (process.connected && process.send?.(message))

const orphaned = (): void => process.exit(1)

const main = async (): Promise<void> => {
  process.on('message', (order: Order) => sockets.arm(order.dieAt))
  process.on('disconnect', orphaned)
  process.on('SIGTERM', () => void app.settled().then(() => app.stop()))
  await app.start()
  report({ isRunning: true })
  setInterval(() => report({ rss: process.memoryUsage.rss() }), 1000).unref()
  await app.done
  process.off('disconnect', orphaned).disconnect()
}
main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})

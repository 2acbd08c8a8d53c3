/** A process to be killed. */
import { createApp } from '../../lib/index.js'
import { FatalSockets } from './fatal-socket.js'
import { sessionTimeoutMs, type Order, type Report, type WorkerOptions } from './messages.js'
import { defineWork } from './work.js'

const { id, stateDir, brokers, mode } = JSON.parse(process.argv[2] ?? '') as WorkerOptions
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
defineWork(app, id)

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

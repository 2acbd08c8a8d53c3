import { codec } from '../../lib/core/codec.js'
import type { App } from '../../lib/dsl/surface.js'
import { createApp } from '../../lib/runtime/app.js'
import { topic } from '../../lib/topology/topic.js'
import { tumbling } from '../../lib/window/windows.js'
import { partitions, type Order, type Payment, type Workload } from './contest.js'
import { compete, contest, report, seen } from './node-peer.js'

const { input, other, output, delivery, commitEveryMs } = contest
const orders = topic(input, { key: codec.string, value: codec.json<Order>(), partitions })
const bytes = topic(input, { key: codec.string, value: codec.bytes, partitions })
const lines = topic(input, { key: codec.none, value: codec.string, partitions })
const rows = topic(input, { key: codec.string, value: codec.string, partitions })
const large = topic(output, { key: codec.string, value: codec.json<{ id: string; cents: number }>(), partitions })
const counts = topic(output, { key: codec.string, value: codec.number, partitions })
const windowCounts = topic(output, { key: codec.windowed(codec.string, '10s'), value: codec.number, partitions })
const payments = topic(other, { key: codec.string, value: codec.json<Payment>(), partitions })
const paidOrders = topic(output, { key: codec.string, value: codec.json<{ id: string; amount: number; paid: number }>(), partitions })
const copies = topic(output, { key: codec.string, value: codec.string, partitions })

const pipelines: Record<Workload, (app: App) => unknown> = {
  filter: (app) =>
    app
      .stream(orders)
      .filter((order) => seen() && order.amount >= 100)
      .map(({ id, amount }) => ({ id, cents: amount * 100 }))
      .toTopic(large),
  count: (app) => app.stream(bytes).tap(seen).groupByKey().count({ name: 'counts' }).toTopic(counts),
  words: (app) =>
    app
      .stream(lines)
      .tap(seen)
      .flatMap((line) => line.split(' '))
      .groupBy((word) => word, codec.string)
      .count({ name: 'words' })
      .toTopic(counts),
  windows: (app) => app.stream(bytes).tap(seen).groupByKey().window(tumbling('10s')).count({ name: 'windows' }).toTopic(windowCounts),
  join: (app) =>
    app
      .stream(orders)
      .tap(seen)
      .join(app.stream(payments).tap(seen), { within: '1m', grace: '1m', name: 'paid' }, ({ id, amount }, { paid }) => ({
        id,
        amount,
        paid,
      }))
      .toTopic(paidOrders),
  restore: (app) => app.stream(rows).tap(seen).toTable({ name: 'rows' }).toTopic(copies),
}

void compete(async () => {
  const { id, brokers, stateDir } = contest
  const app = createApp({
    id,
    brokers,
    stateDir,
    delivery,
    ...(commitEveryMs !== null && { commitEvery: commitEveryMs }),
    tuning: { fetchWait: '100ms' },
  })
  pipelines[contest.workload](app)
  const restored = new Map<string, number>()
  let restoringSince = 0
  app.restore$.subscribe(({ task, records }) => restored.set(task, records))
  app.state$.subscribe((state) => {
    if (state === 'restoring' && restoringSince === 0) restoringSince = Date.now()
    if (state !== 'running') return
    report({ restored: [...restored.values()].reduce((sum, rows) => sum + rows, 0), restoreMs: Date.now() - restoringSince })
  })
  await app.start()
  return () => app.stop()
})

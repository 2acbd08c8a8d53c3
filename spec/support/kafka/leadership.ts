import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../lib/core/clock.js'
import { Connections } from '../../../lib/transport/kafkajs/connections.js'
import { readPartitions, type Request } from '../../../lib/transport/kafkajs/requests.js'
import { WireWriter } from '../../../lib/transport/kafkajs/wire.js'
import { askKafka } from './ask.js'
import type { KafkaHandle } from './broker.js'

interface Placed {
  readonly topic: string
  readonly partition: number
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
}

/** KIP-183: the first of its replicas leads each partition, of all topics. kafkajs does not know the request. */
const electPreferred = (): Request<readonly { readonly errorCode: number }[]> => ({
  apiKey: 43,
  apiVersion: 0,
  apiName: 'ElectLeaders',
  body: new WireWriter().int32(-1).int32(10_000).finish(),
  decode: (from) => {
    from.int32()
    return readPartitions(from, ({ topic, partition }) => {
      const errorCode = from.int16()
      from.nullableString()
      return { topic, partition, errorCode }
    })
  },
})

/** Who leads what in a cluster of several nodes, counted from 0 as those of the handle, and how to change it. */
export class Leadership {
  constructor(private readonly kafka: KafkaHandle) {}

  /** Partitions of all topics, as a node says that is not among `without`. */
  async partitions(without: readonly number[] = []): Promise<readonly Placed[]> {
    const brokers = this.kafka.brokers.filter((_, node) => !without.includes(node))
    return askKafka(brokers, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata()
      return topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionId, leader, replicas, isr }) => ({
          topic: name,
          partition: partitionId,
          leader: leader - 1,
          replicas: replicas.map((node) => node - 1),
          isr: isr.map((node) => node - 1),
        })),
      )
    })
  }

  /** Resolves when every replica is in sync. */
  async whole(): Promise<void> {
    await this.until([], ({ replicas, isr }) => isr.length === replicas.length)
  }

  /** Resolves when a node leads nothing, as the others say. */
  async deprived(node: number): Promise<void> {
    await this.until([node], ({ leader }) => leader !== node && leader >= 0)
  }

  /** Makes `leaderOf` lead the partitions of each topic, without moving any data. */
  async place(leaderOf: (topic: string) => number): Promise<void> {
    await this.whole()
    const byTopic = new Map<string, { partition: number; replicas: number[] }[]>()
    for (const { topic, partition, replicas } of await this.partitions()) {
      const first = leaderOf(topic)
      const order = [first, ...replicas.filter((node) => node !== first)].map((node) => node + 1)
      const changes = byTopic.get(topic) ?? []
      byTopic.set(topic, changes)
      if (replicas[0] !== first) changes.push({ partition, replicas: order })
    }
    const topics = [...byTopic].flatMap(([topic, partitionAssignment]) =>
      partitionAssignment.length === 0 ? [] : [{ topic, partitionAssignment }],
    )
    if (topics.length > 0) await askKafka(this.kafka.brokers, (admin) => admin.alterPartitionReassignments({ topics }))
    // A controller that does not yet know the new order, or that all are in sync, elects nobody: it is asked again.
    await this.until(
      [],
      ({ topic, leader }) => leader === leaderOf(topic),
      () => this.elect(),
    )
  }

  private async elect(): Promise<void> {
    const settings = { brokers: this.kafka.brokers, clientId: 'leadership', kafka: {}, log: () => undefined, trouble: () => undefined }
    const connections = Connections.capture(settings, systemClock)
    await connections.connect()
    await connections.sendToController(electPreferred())
    await connections.close()
  }

  private async until(without: readonly number[], holds: (placed: Placed) => boolean, help?: () => Promise<void>): Promise<void> {
    for (let tries = 0; ; tries++) {
      if (tries % 20 === 0) await help?.()
      const odd = (await this.partitions(without)).find((placed) => !holds(placed))
      if (odd === undefined) return
      if (tries === 600) throw new Error(`after a minute, still: ${JSON.stringify(odd)}`)
      await sleep(100)
    }
  }
}

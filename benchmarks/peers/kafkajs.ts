/** The loop one would write with kafkajs: sends of at most 1,000 records, offsets committed by hand behind them. */
import { Kafka, logLevel, Partitioners, type EachBatchPayload, type KafkaMessage, type Message } from 'kafkajs'
import { partitions, type Order, type Workload } from './contest.js'
import { compete, contest, seen } from './node-peer.js'

type Step = (message: KafkaMessage) => Message | null

const filter: Step = ({ key, value }) => {
  const order = JSON.parse(value?.toString() ?? 'null') as Order
  return order.amount >= 100 ? { key, value: JSON.stringify({ id: order.id, cents: order.amount * 100 }) } : null
}

const counted = new Map<string, number>()
const count: Step = ({ key }) => {
  const user = key?.toString() ?? ''
  const n = (counted.get(user) ?? 0) + 1
  counted.set(user, n)
  const value = Buffer.alloc(8)
  value.writeDoubleBE(n)
  return { key, value }
}

const steps: Partial<Record<Workload, Step>> = { filter, count }

void compete(async () => {
  const step = steps[contest.workload]
  if (step === undefined) throw new Error(`there is no ${contest.workload} here`)
  const kafka = new Kafka({ clientId: contest.id, brokers: [...contest.brokers], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const consumer = kafka.consumer({ groupId: contest.id, maxWaitTimeInMs: 100 })
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topic: contest.input, fromBeginning: true })
  const eachBatch = async ({ batch, heartbeat }: EachBatchPayload): Promise<void> => {
    seen()
    const messages = batch.messages.map(step).filter((message) => message !== null)
    for (let from = 0; from < messages.length; from += 1000) {
      await producer.send({ topic: contest.output, messages: messages.slice(from, from + 1000) })
      await heartbeat()
    }
    await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: String(Number(batch.lastOffset()) + 1) }])
  }
  await consumer.run({ autoCommit: false, partitionsConsumedConcurrently: partitions, eachBatch })
  return async () => {
    await Promise.all([consumer.disconnect(), producer.disconnect()])
  }
})

import { Kafka } from 'kafkajs'
import { describeKafka, uniqueName } from '../../support/kafka/index.js'

describeKafka('describeKafka', (kafka) => {
  it('hands out a broker that takes a topic', async () => {
    const name = uniqueName('harness')
    const admin = new Kafka({ brokers: kafka().brokers }).admin()
    await admin.connect()

    await admin.createTopics({ topics: [{ topic: name, numPartitions: 3 }] })

    const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
    await admin.disconnect()
    expect(topics[0]?.partitions).toHaveLength(3)
  })
})

import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, type Admin } from 'kafkajs'

/** What kafkajs's own admin says, asked again until it is answered: brokers come and go. */
export const askKafka = async <A>(brokers: readonly string[], ask: (admin: Admin) => Promise<A>): Promise<A> => {
  for (let tries = 0; ; tries++) {
    const admin = new Kafka({ brokers: [...brokers], clientId: 'asking', logLevel: logLevel.NOTHING, requestTimeout: 2000 }).admin()
    try {
      await admin.connect()
      return await ask(admin)
    } catch (error) {
      if (tries === 50) throw error
      await sleep(100)
    } finally {
      await admin.disconnect().catch(() => undefined)
    }
  }
}

/** By partition, as the group's coordinator knows them; -1 where there is none. */
export const committedOffsets = async (brokers: readonly string[], groupId: string, topic: string): Promise<readonly number[]> => {
  const [found] = await askKafka(brokers, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }))
  const offsets: number[] = []
  for (const { partition, offset } of found?.partitions ?? []) offsets[partition] = Number(offset)
  return offsets
}

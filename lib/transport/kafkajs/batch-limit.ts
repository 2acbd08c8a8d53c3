import type { Connections } from './connections.js'
import { describeTopicConfigsV1 } from './requests.js'

/** How large a batch of a topic may be, compressed. Null where no broker says: it may not be ours to know. */
export const batchLimitOf = async (connections: Connections, topic: string): Promise<number | null> => {
  try {
    const [config] = await connections.sendToAny(describeTopicConfigsV1([topic], ['max.message.bytes']))
    const limit = Number(config?.entries.get('max.message.bytes'))
    return limit > 0 ? limit : null
  } catch {
    return null // the broker's refusal stands, and is told without the number
  }
}

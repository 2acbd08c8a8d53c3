import type { KafkaJsBroker, KafkaJsCluster } from './internals.js'

/** kafkajs asks any broker for metadata, also one that does not answer; now that one comes last. */
export const preferBrokers = ({ brokerPool }: KafkaJsCluster, isSilent: (broker: KafkaJsBroker) => boolean): void => {
  const findAny = brokerPool.findConnectedBroker.bind(brokerPool)
  let turn = 0
  const rank = (broker: KafkaJsBroker): number => (isSilent(broker) ? 2 : broker.isConnected() ? 0 : 1)
  const bestFirst = (): string[] => {
    const found = Object.entries(brokerPool.brokers)
    turn += 1
    const at = turn % Math.max(1, found.length)
    const rotated = [...found.slice(at), ...found.slice(0, at)]
    return rotated.sort(([, a], [, b]) => rank(a) - rank(b)).map(([nodeId]) => nodeId)
  }
  brokerPool.findConnectedBroker = async () => {
    for (const nodeId of bestFirst()) {
      const found = await brokerPool.findBroker({ nodeId }).catch(() => null)
      if (found !== null) return found
    }
    // It knows the addresses the user gave, too.
    return findAny()
  }
}

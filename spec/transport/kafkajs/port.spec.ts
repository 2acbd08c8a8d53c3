import { sleep, systemClock } from '../../../lib/core/clock.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { Transport } from '../../../lib/transport/port.js'
import { describeKafka, kafkaVersions, type KafkaHandle } from '../../support/kafka/index.js'
import { text } from '../batch/kafkajs-codec.js'
import { describeTransport, type ContractSubject } from '../port-contract.js'
import { produce, readTo } from '../recorder.js'
import { describeTransactions } from '../transaction-contract.js'

/** A record in a new segment closes the last one, and the cleaner takes closed ones only. */
const compact = async (transport: Transport, topic: string): Promise<void> => {
  const at = { topic, partition: 0 }
  const end = (await transport.listOffsets([at], 'end'))[0]?.offset ?? 0
  await produce(transport, at, [text('roll', 'roll', Date.now())])
  for (;;) {
    const { records } = await readTo(transport, { ...at, offset: 0 }, end)
    const keys = records.map((record) => record.utf8Key())
    if (new Set(keys).size === keys.length) return
    await sleep(systemClock, 250)
  }
}

const subject = (kafka: () => KafkaHandle) => async (): Promise<ContractSubject> => {
  const transport = kafkaTransport({ brokers: kafka().brokers, clientId: 'contract', clock: systemClock })
  return {
    transport,
    close: () => transport.close(),
    compact: (topic) => compact(transport, topic),
    compactedConfig: {
      'segment.ms': '1000',
      'max.compaction.lag.ms': '1000',
      'min.cleanable.dirty.ratio': '0.001',
      'delete.retention.ms': '100',
    },
  }
}

for (const version of Object.values(kafkaVersions)) {
  const contract = (kafka: () => KafkaHandle): void => {
    describeTransport('as a transport', subject(kafka), { timeoutMs: 20_000 })
    describeTransactions('with transactions', subject(kafka), { timeoutMs: 20_000 })
  }
  describeKafka('kafkaTransport', contract, { version })
}

import { systemClock } from '../core/clock.js'
import { embeddedTransport } from '../transport/embedded/transport.js'
import type { Transport, TroubleListener } from '../transport/port.js'
import type { Settings } from './config.js'

/** Kafka when there are brokers, else the log in this process. The client is loaded only by those who use it. */
export const openTransport = async (
  { id, brokers, kafka, compression, stateDir, logger }: Settings,
  onTrouble: TroubleListener,
): Promise<Transport> => {
  if (brokers === null) return embeddedTransport({ stateDir: stateDir ?? ':memory:', clock: systemClock })
  const { kafkaTransport } = await import('../transport/kafkajs/transport.js')
  return kafkaTransport({ brokers, kafka, clientId: id, compression, clock: systemClock, logger, onTrouble })
}

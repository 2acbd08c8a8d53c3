import { systemClock } from '../core/clock.js'
import { embeddedTransport } from '../transport/embedded/transport.js'
import { kafkaTransport } from '../transport/kafkajs/transport.js'
import type { Transport } from '../transport/port.js'
import type { Settings } from './config.js'

/** Kafka when there are brokers, else the log in this process. */
export const openTransport = async ({ id, brokers, kafka, stateDir, logger }: Settings): Promise<Transport> =>
  brokers === null
    ? embeddedTransport({ stateDir: stateDir ?? ':memory:', clock: systemClock })
    : kafkaTransport({ brokers, kafka, clientId: id, clock: systemClock, logger })

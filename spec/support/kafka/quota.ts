import { systemClock } from '../../../lib/core/clock.js'
import { Connections } from '../../../lib/transport/kafkajs/connections.js'
import { WireWriter } from '../../../lib/transport/kafkajs/wire.js'

/** Bytes a second that clients with this id may read and write; resolves when the broker has been told. */
export const limitClient = async (brokers: readonly string[], clientId: string, bytesPerSecond: number): Promise<void> => {
  const connections = Connections.capture(
    { brokers, clientId: 'quota', kafka: {}, log: () => undefined, trouble: () => undefined },
    systemClock,
  )
  await connections.connect()
  const rate = Buffer.alloc(8)
  rate.writeDoubleBE(bytesPerSecond)
  const to = new WireWriter()
  to.array([clientId], (name) => {
    to.array(['client-id'], (type) => to.string(type).string(name))
    to.array(['consumer_byte_rate', 'producer_byte_rate'], (key) => to.string(key).bigint64(rate.readBigInt64BE(0)).int8(0))
  })
  const errorCode = await connections.sendToController({
    apiKey: 49,
    apiVersion: 0,
    apiName: 'AlterClientQuotas',
    body: to.int8(0).finish(),
    decode: (from) => {
      from.throttle()
      return from.array(() => from.int16())[0] ?? 0
    },
  })
  await connections.close()
  if (errorCode !== 0) throw new Error(`the quota was refused with ${errorCode}`)
}

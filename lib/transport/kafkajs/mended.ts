import { KafkaJSConnectionError } from 'kafkajs'
import type { Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { KafkaJsConnection } from './internals.js'
import { within } from './within.js'

const connectMs = 15_000

/** What a connection owed when it was hung up on: on purpose, so it is no trouble. */
export class HungUp extends KafkaJSConnectionError {
  constructor() {
    super('The connection was closed')
  }
}

/**
 * What kafkajs's connections get wrong when a broker is away, put right on one of them:
 * - Two requests that find it closed at the same time open two sockets, and one is written to while the other is listened to.
 * - `connect` stays open for ever when the other end hangs up before the connection stands.
 * - `disconnect` waits for every answer that is due. Meanwhile the connection counts as connected, no request times out any more,
 *   and what waits for the disconnecting, reading metadata among it, waits for a broker that may never answer. It is also told
 *   again and again, and each time leaves a listener on the dead socket.
 *
 * `hungUp` is told when a broker has accepted a connection and closed it at once.
 */
export const mend = (connection: KafkaJsConnection, clock: Clock, hungUp: (error: MillraceError) => void): void => {
  const connect = connection.connect.bind(connection)
  let running: Promise<unknown> | null = null
  const open = async (): Promise<void> => {
    if (!connection.isConnected()) forgetHalfAnswer(connection)
    if ((await within(clock, connectMs, connect())) !== 'late') return
    const error = new MillraceError('MR_BROKER_UNREACHABLE', 'a broker has accepted a connection and hung up')
    hungUp(error)
    throw error
  }
  connection.connect = () => {
    running ??= open().finally(() => (running = null))
    return running
  }
  connection.disconnect = () => {
    const closed = new HungUp()
    // While it is being made kafkajs has a timer of its own, which ends with any error of the socket, and so does the waiting.
    if (running !== null) connection.socket?.destroy(closed)
    else if (connection.isConnected()) cutOff(connection, closed)
    return Promise.resolve(true)
  }
}

/** Ends a connection at once: its requests fail, and whatever still arrives is not taken for an answer on the next one. */
export const cutOff = (connection: KafkaJsConnection, error: Error): void => {
  const { socket } = connection
  connection.connectionStatus = 'disconnected'
  connection.authenticatedAt = null
  connection.authHandlers?.onError()
  connection.requestQueue.rejectAll(error)
  connection.requestQueue.destroy()
  for (const event of ['data', 'end', 'error', 'timeout']) socket?.removeAllListeners(event)
  socket?.on('error', () => undefined).destroy()
}

/** kafkajs would read what a new socket brings as the rest of it. */
const forgetHalfAnswer = (connection: KafkaJsConnection): void => {
  connection.chunks = []
  connection.bytesBuffered = 0
  connection.bytesNeeded = 4
}

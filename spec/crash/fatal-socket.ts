import { connect, type Socket } from 'node:net'
import { apiKeys, type Step } from './steps.js'

type Write = (chunk: Uint8Array, encoding: BufferEncoding, done?: () => void) => boolean

/** Connections of a process that can be told to die at a step of the commit, by the bytes that go over them. */
export class FatalSockets {
  private armed: Step | null = null

  arm(step: Step): void {
    this.armed = step
  }

  /** For kafkajs's `socketFactory`. */
  readonly create = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
    const socket = connect({ host, port }, onConnect)
    const write: Write = socket.write.bind(socket)
    const armedWrite: Write = (chunk, encoding, done) => {
      if (this.armed === null || apiKeyOf(chunk) !== apiKeys[this.armed.api]) return write(chunk, encoding, done)
      const { moment } = this.armed
      if (moment === 'before') die()
      if (moment === 'answered') socket.prependOnceListener('data', die)
      return write(chunk, encoding, moment === 'sent' ? die : done)
    }
    return Object.assign(socket, { write: armedWrite })
  }
}

/** A request opens with its length and its api key. */
const apiKeyOf = (frame: Uint8Array): number => ((frame[4] ?? 0) << 8) | (frame[5] ?? 0)

const die = (): void => void process.kill(process.pid, 'SIGKILL')

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Compression } from '../../../lib/transport/batch/compression.js'
import { kafkaJars, kafkaVersions } from './jars.js'

/** Bytes are base64. */
export interface JavaRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string | null])[]
}
/** What the Java client is to write. */
export interface JavaDescription {
  readonly compression: Compression
  readonly baseOffset: number
  /** -1: the records keep their own time. */
  readonly logAppendTime: number
  /** As text: 64 bits. */
  readonly producerId: string
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
  readonly leaderEpoch: number
  /** -1: none. The log cleaner sets it in what holds tombstones. */
  readonly deleteHorizon: number
  /** -1: that of the last record. Compaction may have taken those behind it. */
  readonly lastOffset: number
  readonly marker?: 'COMMIT' | 'ABORT'
  readonly timestamp?: number
  readonly records: readonly JavaRecord[]
}
/** What it has read, and found valid. */
export interface JavaBatch extends Omit<JavaDescription, 'logAppendTime' | 'leaderEpoch' | 'deleteHorizon' | 'marker' | 'timestamp'> {
  readonly isValid: boolean
  readonly sizeInBytes: number
  readonly maxTimestamp: number
  readonly lastSequence: number
  readonly isControl: boolean
  readonly count: number
}

interface Answer {
  readonly bytes?: string
  readonly batches?: readonly JavaBatch[]
  readonly error?: string
}

/** Kafka's own encoder and decoder of record batches, in one JVM that lives until `close`. */
export class JavaBatches {
  private readonly waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }[] = []

  private constructor(private readonly java: ChildProcessWithoutNullStreams) {
    java.stderr.pipe(process.stderr)
    createInterface(java.stdout).on('line', (line) => this.waiting.shift()?.resolve(JSON.parse(line) as Answer))
    java.on('exit', (code) => this.waiting.splice(0).forEach(({ reject }) => reject(new Error(`the JVM ended with ${String(code)}`))))
  }

  static async start(): Promise<JavaBatches> {
    const jars = join(await kafkaJars(kafkaVersions.current), '*')
    const source = resolve(process.cwd(), 'spec/support/java/RecordBatches.java')
    return new JavaBatches(spawn('java', ['-cp', jars, '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', source]))
  }

  async write(description: JavaDescription): Promise<Buffer> {
    const { bytes } = await this.ask({ write: description })
    return Buffer.from(bytes ?? '', 'base64')
  }

  /** Rejects where one of the batches is not valid. */
  async read(bytes: Buffer): Promise<readonly JavaBatch[]> {
    const { batches } = await this.ask({ read: bytes.toString('base64') })
    return batches ?? []
  }

  async close(): Promise<void> {
    const ended = once(this.java, 'exit')
    this.java.stdin.end()
    await ended
  }

  private async ask(question: object): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      this.java.stdin.write(`${JSON.stringify(question)}\n`)
    })
    if (answer.error !== undefined) throw new Error(`the Java client says: ${answer.error}`)
    return answer
  }
}

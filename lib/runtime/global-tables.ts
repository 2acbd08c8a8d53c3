import { isMillraceError, toError } from '../core/errors.js'
import { Overlay } from '../state/overlay.js'
import type { StateFile } from '../state/port.js'
import type { GlobalTableSpec } from '../topology/node.js'
import type { KeyedStore } from '../topology/operator.js'
import { readBatch } from '../transport/batch/reader.js'
import type { Chunk, PartitionOffset, Reader, Transport } from '../transport/port.js'
import type { Logger } from './logger.js'

export interface GlobalContext {
  readonly transport: Transport
  readonly logger: Logger
  readonly partitionsOf: (topic: string) => number
  readonly openFile: (name: string) => StateFile
  readonly fail: (error: Error) => void
}

type Positions = Record<string, number>
const positionsKey = 'positions'

/** A table held whole: all partitions of its topic, read without a group, followed for as long as the app runs. */
export class GlobalRows {
  /** Written at once, so what is committed is all there is. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the plan erases record types
  readonly rows: KeyedStore<any, any>
  private readonly overlay
  private readonly file: StateFile
  private positions: Positions
  private reader: Reader | null = null
  private isClosed = false
  private following: Promise<void> = Promise.resolve()

  constructor(
    private readonly spec: GlobalTableSpec,
    private readonly context: GlobalContext,
  ) {
    this.file = context.openFile(`global-${spec.name}`)
    this.overlay = new Overlay<unknown, unknown>({ store: this.file.store('rows'), key: spec.key, value: spec.value })
    this.rows = this.overlay
    this.positions = (this.file.meta.get(positionsKey) as Positions | undefined) ?? {}
  }

  /** Resolves when what was in the topic at the call has been read; goes on reading. */
  async start(): Promise<void> {
    const { transport, partitionsOf } = this.context
    const topic = this.spec.topic.name
    const partitions = Array.from({ length: partitionsOf(topic) }, (_, partition) => ({ topic, partition }))
    const [earliest, ends] = await Promise.all([transport.listOffsets(partitions, 'earliest'), transport.listOffsets(partitions, 'stable')])
    const isReadable = earliest.every(
      ({ partition, offset }, i) => this.position(partition) >= offset && this.position(partition) <= (ends[i]?.offset ?? 0),
    )
    if (!isReadable) this.startOver(earliest)
    this.reader = transport.read(partitions.map((at) => ({ ...at, offset: this.position(at.partition) })))
    const isBehind = () => ends.some(({ partition, offset }) => this.position(partition) < offset)
    while (isBehind()) await this.readOnce(this.reader)
    this.following = this.follow(this.reader)
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.reader?.close()
    await this.following
    this.file.close()
  }

  private position(partition: number): number {
    return this.positions[partition] ?? 0
  }

  /** Rows of keys that have left the log since would stay for ever. */
  private startOver(earliest: readonly PartitionOffset[]): void {
    this.overlay.drop()
    this.positions = Object.fromEntries(earliest.map(({ partition, offset }) => [partition, offset]))
    this.commit(() => this.file.store('rows').clear())
  }

  private async follow(reader: Reader): Promise<void> {
    try {
      while (!this.isClosed) await this.readOnce(reader)
    } catch (thrown) {
      if (this.isClosed) return
      if (isMillraceError(thrown, 'MR_OUT_OF_RANGE')) return this.again(reader)
      this.context.fail(toError(thrown))
    }
  }

  private async again(reader: Reader): Promise<void> {
    await reader.close()
    await this.start().catch((error: unknown) => this.context.fail(toError(error)))
  }

  private async readOnce(reader: Reader): Promise<void> {
    for (const chunk of await reader.next()) this.apply(chunk)
  }

  private apply(chunk: Chunk): void {
    const { key, value } = this.spec
    for (const batch of chunk.batches) {
      for (const raw of readBatch(batch, this.position(chunk.partition), chunk)) {
        if (raw.key === null) continue
        try {
          const decodedKey = key.decode(raw.key)
          if (raw.value === null) this.overlay.delete(decodedKey, raw.timestamp)
          else this.overlay.set(decodedKey, value.decode(raw.value), raw.timestamp)
        } catch (thrown) {
          this.context.logger.warn(
            { topic: raw.topic, partition: raw.partition, offset: raw.offset, error: toError(thrown).message },
            'record of a global table skipped',
          )
        }
      }
    }
    this.positions = { ...this.positions, [chunk.partition]: chunk.nextOffset }
    this.commit(() => this.overlay.flush())
    this.overlay.flushed()
  }

  private commit(write: () => void): void {
    this.file.commit(() => {
      write()
      this.file.meta.put(positionsKey, this.positions)
    })
  }
}

import type { MillraceError } from '../../lib/core/errors.js'
import type { OutRecord } from '../../lib/core/record.js'
import type { BatchRecord } from '../../lib/transport/batch/batch-record.js'
import { readBatch } from '../../lib/transport/batch/reader.js'
import type {
  Chunk,
  GroupListener,
  GroupOptions,
  Member,
  PartitionOffset,
  TopicPartition,
  Transport,
  Trouble,
} from '../../lib/transport/port.js'

/** A listener that writes down what it hears, and lets a spec wait for it. */
export class Recorder implements GroupListener {
  readonly chunks: Chunk[] = []
  readonly generations: { readonly member: Member; readonly partitions: readonly TopicPartition[] }[] = []
  readonly outOfRanges: PartitionOffset[] = []
  /** What happened, in order. */
  readonly events: string[] = []
  onRevoke: (member: Member) => Promise<void> = () => Promise.resolve()
  /** Where to start each assigned partition; null: do not. */
  startAt: (at: TopicPartition) => number | null = () => 0
  private readonly waiting: (() => void)[] = []

  get member(): Member {
    const last = this.generations.at(-1)
    if (last === undefined) throw new Error('not assigned yet')
    return last.member
  }
  get partitions(): readonly TopicPartition[] {
    return this.generations.at(-1)?.partitions ?? []
  }
  get names(): string[] {
    return this.partitions.map(({ topic, partition }) => `${topic}-${partition}`).sort()
  }
  /** Records of all chunks that were asked for, in order of arrival. */
  get records(): BatchRecord[] {
    return this.chunks.flatMap((chunk) => chunk.batches.flatMap((batch) => readBatch(batch, chunk.fetchOffset, chunk)))
  }
  get values(): (string | null)[] {
    return this.records.map((record) => record.utf8Value())
  }

  async revoke(): Promise<void> {
    this.tell('revoke')
    await this.onRevoke(this.member)
    this.tell('revoked')
  }
  assigned(member: Member, partitions: readonly TopicPartition[]): void {
    this.generations.push({ member, partitions })
    for (const at of partitions) {
      const offset = this.startAt(at)
      if (offset !== null) member.start({ ...at, offset })
    }
    this.tell('assigned')
  }
  lost(): void {
    this.tell('lost')
  }
  /** False: what is fetched goes on waiting, and after so many bytes no more is. */
  takes = true
  chunk(chunk: Chunk): void {
    this.chunks.push(chunk)
    if (this.takes) this.member.taken(chunk, chunk.byteLength)
    this.tell('chunk')
  }
  outOfRange(at: PartitionOffset): void {
    this.outOfRanges.push(at)
    this.tell('outOfRange')
  }
  /** Given to a transport as `onTrouble`. */
  readonly trouble = ({ kind }: Trouble): void => {
    this.tell(`trouble ${kind}`)
  }
  failed(error: MillraceError): void {
    this.tell(`failed ${error.code}`)
  }

  /** Resolves when it holds, looking again whenever something is heard. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }
  private tell(event: string): void {
    this.events.push(event)
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

export const groupOptions = (groupId: string, topics: readonly string[], changes: Partial<GroupOptions> = {}): GroupOptions => ({
  groupId,
  topics,
  copartitioned: topics.map((topic) => [topic]),
  nodeId: 'node',
  held: () => [],
  sessionTimeoutMs: 10_000,
  heartbeatMs: 500,
  rebalanceTimeoutMs: 20_000,
  fetchWaitMs: 100,
  fetchBytes: 1024 * 1024,
  bufferBytes: 64 * 1024 * 1024,
  ...changes,
})

/** Produces and resolves with the offset of each record, or its error, in the order they were given. */
export const produce = async (
  transport: Transport,
  at: TopicPartition,
  records: readonly OutRecord[],
): Promise<(number | MillraceError)[]> => {
  const producer = await transport.producer()
  const outcomes: (number | MillraceError)[] = records.map(() => -1)
  await new Promise<void>((resolve) => {
    let open = records.length
    const settle = (i: number, outcome: number | MillraceError): void => {
      outcomes[i] = outcome
      if (--open === 0) resolve()
    }
    records.forEach((record, i) => {
      const delivered = (_count: number, _at: TopicPartition, lastOffset: number): void => settle(i, lastOffset)
      producer.append(at, record, { delivered, failed: (error, origin) => settle(Number(origin), error) }, i)
    })
    producer.flush()
  })
  await producer.close()
  return outcomes
}

/** Reads without a group until `end`. */
export const readTo = async (
  transport: Transport,
  from: PartitionOffset,
  end: number,
): Promise<{ readonly records: BatchRecord[]; readonly nextOffset: number }> => {
  const reader = transport.read([from])
  const records: BatchRecord[] = []
  let nextOffset = from.offset
  while (nextOffset < end) {
    for (const chunk of await reader.next()) {
      records.push(...chunk.batches.flatMap((batch) => readBatch(batch, chunk.fetchOffset, chunk)))
      nextOffset = chunk.nextOffset
    }
  }
  await reader.close()
  return { records, nextOffset }
}

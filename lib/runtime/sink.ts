import { MillraceError, toError } from '../core/errors.js'
import { partitionOf } from '../core/murmur2.js'
import type { OutRecord, RawRecord } from '../core/record.js'
import type { SinkTopic } from '../topology/node.js'
import type { AnyRec, Batch, Receipt, Release, TaskContext, Verdict } from '../topology/operator.js'
import type { Delivery } from '../transport/port.js'
import type { Outbox } from './outbox.js'
import type { Inlet } from './outlet.js'

export interface SinkContext {
  readonly task: TaskContext
  readonly outbox: Outbox
  /** Undefined: not asked for yet. */
  readonly partitionsOf: (topic: string) => number | undefined
  /** Finds out about a topic that a record has chosen. */
  readonly discover: (topic: SinkTopic) => Promise<void>
  readonly failProduce: (failure: {
    readonly operator: string
    readonly error: Error
    readonly origin: RawRecord
    readonly attempt: number
    readonly receipt: Receipt
  }) => Verdict
  readonly onProduced: (count: number) => void
}

/** Where records go: always to one topic (a sink, a repartition), or wherever a function of the user sends each. */
export interface Destination {
  readonly label: string
  readonly to: SinkTopic | ((record: AnyRec) => SinkTopic)
  /** By key only: a record without one has nowhere to go, and is dropped and counted. */
  readonly needsKey: boolean
}

/** Writes batches to topics. Each batch's receipt waits until all its records are acknowledged or answered for. */
export const openSink = (destination: Destination, context: SinkContext): Inlet => {
  let round = 0
  return (batch) => {
    if (batch.records.length === 0) batch.receipt.done()
    else new Flight(destination, context, batch, round++).send()
  }
}

const atOnce: Release = (goOn) => goOn()

/** The records of one batch on their way to the log. */
class Flight implements Delivery {
  private open: number
  /** Of records that were refused, when a policy has them tried again. */
  private readonly attempts = new Map<AnyRec, number>()

  constructor(
    private readonly destination: Destination,
    private readonly context: SinkContext,
    private readonly batch: Batch,
    private readonly round: number,
  ) {
    this.open = batch.records.length
  }

  /** What is refused here is tried again in place, and found out about is a topic there, too. */
  send(from = 0): void {
    const { task } = this.context
    const { records } = this.batch
    let known: SinkTopic | Error | null = null
    for (let i = from; i < records.length; i++) {
      const record = records[i] as AnyRec
      const topic = this.choose(record)
      const unknown = topic === known ? null : this.unknown(topic)
      if (unknown) return this.discover(unknown, task.hold(), () => this.send(i))
      known = topic
      const verdict = this.sendOne(record, topic)
      if (verdict?._tag === 'stop') return
      if (verdict?._tag !== 'retry') continue
      const release = task.hold()
      return void task.clock.after(verdict.afterMs, () => release(() => this.send(i)), { waits: true })
    }
  }

  /** A function that throws is that record's failure. */
  private choose(record: AnyRec): SinkTopic | Error {
    const { to } = this.destination
    if (typeof to !== 'function') return to
    try {
      const topic = to(record)
      if (typeof (topic as SinkTopic | undefined)?.name !== 'string') throw new TypeError('no topic was chosen')
      return topic
    } catch (thrown) {
      return toError(thrown)
    }
  }

  private unknown(topic: SinkTopic | Error): SinkTopic | null {
    return topic instanceof Error || this.context.partitionsOf(topic.name) !== undefined ? null : topic
  }

  private discover(topic: SinkTopic, release: Release, goOn: () => void): void {
    const { task, discover } = this.context
    discover(topic).then(
      () => release(goOn),
      (thrown: unknown) => task.stop(toError(thrown)),
    )
  }

  /** Null: it is on its way, or dropped. */
  private sendOne(record: AnyRec, topic: SinkTopic | Error): Verdict | null {
    const { destination, context } = this
    try {
      if (topic instanceof Error) throw topic
      const out = encode(topic, record)
      if (out.key === null && destination.needsKey) {
        context.task.dropped(destination.label, 'null-key')
        this.settle(1)
        return null
      }
      const partition = this.partition(topic, record, out)
      // What waits for a commit is kept as light as can be: where it came from is all that a later refusal needs.
      context.outbox.append({ topic: topic.name, partition }, out, this, context.outbox.isStaged ? record.origin : record)
      return null
    } catch (thrown) {
      return this.refused(toError(thrown), record)
    }
  }

  delivered(count: number): void {
    this.context.onProduced(count)
    this.settle(count)
  }

  /** Handed back is what `sendOne` has given. */
  failed(error: MillraceError, origin: unknown): void {
    if (this.context.outbox.isStaged) this.refusedLate(error, origin as RawRecord)
    else this.later(this.refused(error, origin as AnyRec), origin as AnyRec)
  }

  /** The batch is answered for already: the transaction that was to write the record has it refused. Waiting would change nothing. */
  private refusedLate(error: Error, origin: RawRecord): void {
    const { destination, context } = this
    const receipt = context.task.extraReceipt()
    const verdict = (attempt: number) => context.failProduce({ operator: destination.label, error, origin, attempt, receipt })
    for (let attempt = 1; verdict(attempt)._tag === 'retry'; attempt++);
    receipt.done()
  }

  private refused(error: Error, record: AnyRec): Verdict {
    const { destination, context } = this
    const attempt = this.attempts.get(record) ?? 1
    const { origin } = record
    const verdict = context.failProduce({ operator: destination.label, error, origin, attempt, receipt: this.batch.receipt })
    if (verdict._tag === 'drop') this.settle(1)
    if (verdict._tag === 'retry') this.attempts.set(record, attempt + 1)
    return verdict
  }

  /** Of one that the log has refused: others have been sent behind it by then. */
  private later(verdict: Verdict, record: AnyRec): void {
    const { task } = this.context
    if (verdict._tag !== 'retry') return
    const again = (): void => {
      if (task.signal.aborted) return
      const topic = this.choose(record)
      const unknown = this.unknown(topic)
      if (unknown) return this.discover(unknown, atOnce, again)
      const next = this.sendOne(record, topic)
      if (next) this.later(next, record)
    }
    task.clock.after(verdict.afterMs, again, { waits: true })
  }

  private settle(count: number): void {
    this.open -= count
    if (this.open === 0) this.batch.receipt.done()
  }

  private partition(topic: SinkTopic, record: AnyRec, out: OutRecord): number {
    const partitions = this.context.partitionsOf(topic.name)
    if (partitions === undefined) throw new MillraceError('MR_TOPIC_MISSING', `${topic.name} does not exist`)
    if (topic.partition) return chosen(topic.partition(record.key, partitions), partitions, topic.name)
    // As the Java client: records without a key stay together for a batch (KIP-480).
    return out.key === null ? this.round % partitions : partitionOf(out.key, partitions)
  }
}

const encode = (topic: SinkTopic, record: AnyRec): OutRecord => ({
  // What nobody has touched goes on as the bytes it came in.
  key: record.keyReadWith(topic.key) ?? topic.key.encode(record.key),
  value: record.valueReadWith(topic.value) ?? topic.value.encode(record.value),
  timestamp: record.timestamp,
  headers: record.headers,
})

const chosen = (partition: number, partitions: number, topic: string): number => {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return partition
  throw new MillraceError('MR_PRODUCE', `the partitioner of ${topic} chose ${String(partition)} of ${partitions} partitions`)
}

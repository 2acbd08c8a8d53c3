import type { Clock } from '../core/clock.js'
import { MillraceError } from '../core/errors.js'
import { headersFrom, replaceHeaders, type KHeaders } from '../core/headers.js'
import type { RawRecord } from '../core/record.js'
import type { Delivery, TopicInfo } from '../transport/port.js'
import type { FailedRecord } from './failed-record.js'

interface Run {
  lastOffset: number
  length: number
}

/**
 * Sets records aside as they were, with what happened to them in headers. A dead letter is part of its batch: the receipt
 * waits for it. Many in a row on a partition are no accident of one record: then the app fails instead.
 */
export class DeadLetters {
  private readonly runs = new Map<string, Run>()

  constructor(
    private readonly options: {
      readonly appId: string
      readonly clock: Clock
      readonly topicInfo: (name: string) => TopicInfo | undefined
      readonly stop: (error: Error) => void
      readonly onPublished: () => void
    },
  ) {}

  /** The error that fails the app, if this one must not be published. */
  publish(failed: FailedRecord, topic: string | null, consecutive: number): MillraceError | null {
    const name = topic ?? `${this.options.appId}-dead`
    const { origin, outbox } = failed
    const inARow = this.countInARow(origin)
    if (inARow > consecutive)
      return new MillraceError(
        'MR_TOO_MANY_DEAD_LETTERS',
        `${inARow} records in a row of ${origin.topic}-${origin.partition} failed, the last with: ${failed.error.message}`,
        { cause: failed.error },
      )
    const partitions = this.options.topicInfo(name)?.partitions
    if (partitions === undefined) return new MillraceError('MR_TOPIC_MISSING', `the dead letter topic ${name} does not exist`)
    const receipt = failed.receipt.outside
    receipt.hold(1)
    const delivery: Delivery = {
      delivered: () => {
        this.options.onPublished()
        receipt.done()
      },
      failed: (error) => this.options.stop(error),
    }
    const at = { topic: name, partition: origin.partition % partitions }
    const record = { key: origin.key, value: origin.value, timestamp: origin.timestamp, headers: this.headers(failed) }
    outbox.append(at, record, delivery, origin)
    return null
  }

  /** A transaction's marker takes an offset too, so a step of two is still in a row. */
  private countInARow({ topic, partition, offset }: RawRecord): number {
    const key = `${topic}-${partition}`
    const run = this.runs.get(key)
    const length = run === undefined || offset > run.lastOffset + 2 ? 1 : run.length + (offset > run.lastOffset ? 1 : 0)
    this.runs.set(key, { lastOffset: offset, length })
    return length
  }

  /** KIP-1034's six, the field's x-original-topic, and ours; an earlier failure's position is kept as the id. */
  private headers({ stage, operator, error, origin, attempt }: FailedRecord): KHeaders {
    const { topic, partition, offset, timestamp, headers } = origin
    const code = error instanceof MillraceError ? error.code : error.name
    const reason = `${stage}.${code.replace(/^MR_/, '').toLowerCase()}`
    return replaceHeaders(
      headers,
      headersFrom({
        '__streams.errors.exception': code,
        '__streams.errors.message': error.message.slice(0, 1024),
        '__streams.errors.stacktrace': (error.stack ?? '').slice(0, 4096),
        '__streams.errors.topic': topic,
        '__streams.errors.partition': String(partition),
        '__streams.errors.offset': String(offset),
        'x-original-topic': topic,
        'millrace.dlq.reason': reason,
        'millrace.dlq.app': this.options.appId,
        'millrace.dlq.group': this.options.appId,
        'millrace.dlq.node': operator,
        'millrace.dlq.stage': stage,
        'millrace.dlq.timestamp': String(timestamp),
        'millrace.dlq.failed-at': String(this.options.clock.now()),
        'millrace.dlq.attempts': String(attempt),
        'millrace.dlq.replays': headers.text('millrace.dlq.replays') ?? '0',
        'millrace.dlq.id': headers.text('millrace.dlq.id') ?? `${topic}/${partition}@${offset}`,
      }),
    )
  }
}

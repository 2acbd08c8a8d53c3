import { durationMs } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import type { AppConfig } from '../dsl/surface.js'
import { checkName } from '../topology/names.js'
import { policy, type ErrorPolicy } from '../topology/policy.js'
import { compressions, type Compression } from '../transport/batch/compression.js'
import { stderrLogger, type Logger } from './logger.js'

/** An AppConfig with its defaults, durations in ms, checked. */
export interface Settings {
  readonly id: string
  /** Null: the embedded log. */
  readonly brokers: readonly string[] | null
  readonly kafka: Readonly<Record<string, unknown>>
  readonly isExactlyOnce: boolean
  readonly commitEveryMs: number
  /** Null: nothing is kept. */
  readonly stateDir: string | null
  readonly onError: ErrorPolicy
  readonly logger: Logger
  readonly sessionTimeoutMs: number
  readonly heartbeatMs: number
  readonly rebalanceTimeoutMs: number
  readonly fetchWaitMs: number
  readonly fetchBytes: number
  readonly compression: Compression
  readonly bufferBytes: number
  readonly transactionTimeoutMs: number
  readonly dirtyBytes: number
  /** The embedded log creates any topic, with that many partitions unless its descriptor says otherwise. */
  readonly embeddedPartitions: number
}

const mebibyte = 1024 * 1024

/** Throws `MR_CONFIG`, `MR_DURATION`, `MR_NAME_INVALID`: what can be known before starting is said before. */
export const readConfig = (config: AppConfig): Settings => {
  const { tuning = {}, brokers, delivery = 'at-least-once' } = config
  if (brokers !== undefined && brokers.length === 0)
    throw new MillraceError('MR_CONFIG', 'brokers is empty; leave it out for the embedded log')
  const settings: Settings = {
    id: checkName(config.id, 'the id of the app'),
    brokers: brokers ?? null,
    kafka: config.kafka ?? {},
    isExactlyOnce: isExactlyOnce(delivery),
    commitEveryMs: durationMs(config.commitEvery ?? (isExactlyOnce(delivery) ? '100ms' : '1s'), 'commitEvery'),
    stateDir: config.stateDir === ':memory:' ? null : (config.stateDir ?? './.millrace'),
    onError: config.onError ?? policy.fail,
    logger: config.logger ?? stderrLogger,
    sessionTimeoutMs: durationMs(tuning.sessionTimeout ?? '45s', 'tuning.sessionTimeout'),
    heartbeatMs: durationMs(tuning.heartbeatEvery ?? '3s', 'tuning.heartbeatEvery'),
    rebalanceTimeoutMs: durationMs(tuning.rebalanceTimeout ?? '60s', 'tuning.rebalanceTimeout'),
    fetchWaitMs: durationMs(tuning.fetchWait ?? '500ms', 'tuning.fetchWait'),
    fetchBytes: bytes(tuning.fetchBytes ?? mebibyte, 'tuning.fetchBytes'),
    compression: compressionOf(tuning.compression ?? 'none'),
    bufferBytes: bytes(tuning.bufferBytes ?? 64 * mebibyte, 'tuning.bufferBytes'),
    transactionTimeoutMs: durationMs(tuning.transactionTimeout ?? '10s', 'tuning.transactionTimeout'),
    dirtyBytes: bytes(tuning.dirtyBytes ?? 16 * mebibyte, 'tuning.dirtyBytes'),
    embeddedPartitions: 4,
  }
  // A member that fetches for longer than its session lasts is taken for dead while it waits.
  if (settings.sessionTimeoutMs < 3 * settings.fetchWaitMs) {
    throw new MillraceError(
      'MR_CONFIG',
      `tuning.sessionTimeout (${settings.sessionTimeoutMs} ms) must be at least three times tuning.fetchWait (${settings.fetchWaitMs} ms)`,
    )
  }
  return Object.freeze(settings)
}

const isExactlyOnce = (delivery: string): boolean => {
  if (delivery === 'at-least-once' || delivery === 'exactly-once') return delivery === 'exactly-once'
  throw new MillraceError('MR_CONFIG', `delivery is ${delivery}, not 'at-least-once' or 'exactly-once'`)
}

const compressionOf = (name: Compression): Compression => {
  if (compressions.includes(name)) return name
  throw new MillraceError('MR_CONFIG', `tuning.compression is ${String(name)}, not one of ${compressions.join(', ')}`)
}

const bytes = (value: number, what: string): number => {
  if (Number.isInteger(value) && value > 0) return value
  throw new MillraceError('MR_CONFIG', `${what} is ${String(value)}, not a number of bytes`)
}

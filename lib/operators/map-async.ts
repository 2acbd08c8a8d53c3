import { Observable, type Subscriber } from 'rxjs'
import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError, toError } from '../core/errors.js'
import { sleep, type Timer } from '../core/clock.js'
import type { Meta } from '../core/record.js'
import type { AnyRec, Batch, PerBatch, TaskContext } from '../topology/operator.js'
import { settleFailure } from './settle-failure.js'

/** @since 0.1.0 */
export interface MapAsyncOptions {
  /** Promises at a time per task. Default 16. */
  readonly concurrency?: number | undefined
  /** 'input' keeps the order of the stream, 'key' only that of each key, 'none' neither. Default 'input'. */
  readonly order?: 'input' | 'key' | 'none' | undefined
  /** Of one attempt. Default '30s'. */
  readonly timeout?: Duration | undefined
  /** `times` after the first attempt; a timeout counts as a failure. What still fails goes to the error policy. Backoff default '100ms'. */
  readonly retry?: { readonly times: number; readonly backoff?: Duration | undefined } | undefined
}
export type AsyncFn<K, V, W> = (value: V, meta: Meta<K>, signal: AbortSignal) => Promise<W>

/** A promise per record, bounded; results leave as the order allows, each carrying a part of its batch's receipt. */
export const mapAsync = <K, V, W>(f: AsyncFn<K, V, W>, options: MapAsyncOptions = {}): PerBatch => {
  const concurrency = options.concurrency ?? 16
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new MillraceError('MR_CONFIG', `mapAsync: concurrency is ${String(concurrency)}, not a whole number above 0`)
  const times = options.retry?.times ?? 0
  if (!Number.isInteger(times) || times < 0)
    throw new MillraceError('MR_CONFIG', `mapAsync: retry.times is ${String(times)}, not a whole number from 0 on`)
  const settings: Settings<K, V, W> = {
    f,
    concurrency,
    order: options.order ?? 'input',
    timeoutMs: durationMs(options.timeout ?? '30s', 'mapAsync: timeout'),
    times,
    backoffMs: durationMs(options.retry?.backoff ?? '100ms', 'mapAsync: retry.backoff'),
  }
  return {
    kind: 'per-batch',
    label: 'mapAsync',
    answers: settings.order === 'input' ? 'in turn' : 'at any time',
    open: (task) => (batches) =>
      new Observable((subscriber) => {
        const window = new AsyncWindow(task, settings, subscriber)
        return batches.subscribe((batch) => window.take(batch))
      }),
  }
}

interface Settings<K, V, W> {
  readonly f: AsyncFn<K, V, W>
  readonly concurrency: number
  readonly order: 'input' | 'key' | 'none'
  readonly timeoutMs: number
  readonly times: number
  readonly backoffMs: number
}
interface Slot {
  readonly record: AnyRec
  readonly batch: OpenBatch
  state: 'waiting' | 'running' | 'settled'
  result: AnyRec | null
}
interface OpenBatch {
  readonly batch: Batch
  unsettled: number
  ready: AnyRec[]
  isListed: boolean
}

class AsyncWindow<K, V, W> {
  /** In order of arrival; settled ones leave from the front. */
  private slots: Slot[] = []
  /** The first that has not left. */
  private head = 0
  /** Where the next slot that may start is looked for. */
  private cursor = 0
  private running = 0
  private readonly busyKeys = new Set<unknown>()
  private readonly aborters = new Set<AbortController>()
  private readyBatches: OpenBatch[] = []

  constructor(
    private readonly task: TaskContext,
    private readonly settings: Settings<K, V, W>,
    private readonly out: Subscriber<Batch>,
  ) {
    // One listener, however many run: Node warns of a leak from the eleventh on.
    const { signal } = task
    signal.addEventListener('abort', () => this.aborters.forEach((aborter) => aborter.abort(signal.reason)), { once: true })
  }

  take(batch: Batch): void {
    if (batch.records.length === 0) return this.out.next(batch)
    const open: OpenBatch = { batch, unsettled: batch.records.length, ready: [], isListed: false }
    for (const record of batch.records) this.slots.push({ record, batch: open, state: 'waiting', result: null })
    this.fill()
  }

  private fill(): void {
    if (this.task.signal.aborted) return
    for (let i = this.cursor; i < this.slots.length && this.running < this.settings.concurrency; i++) {
      const slot = this.slots[i]
      if (slot === undefined || slot.state !== 'waiting') continue
      if (this.settings.order === 'key') {
        const key = identityOf(slot.record.key)
        if (this.busyKeys.has(key)) continue
        this.busyKeys.add(key)
      }
      slot.state = 'running'
      this.running++
      void this.run(slot)
    }
    while (this.slots[this.cursor]?.state === 'running' || this.slots[this.cursor]?.state === 'settled') this.cursor++
  }

  /** Never rejects. */
  private async run(slot: Slot): Promise<void> {
    const { task, settings } = this
    for (let attempt = 1; ; attempt++) {
      try {
        const value = await this.attempt(slot.record)
        // Whoever has the partition now does it again.
        if (task.signal.aborted) return
        slot.result = slot.record.withValue(value)
        return this.settle(slot)
      } catch (thrown) {
        if (task.signal.aborted) return
        const error = toError(thrown)
        if (attempt % (settings.times + 1) !== 0) {
          await sleep(task.clock, settings.backoffMs)
          if (task.signal.aborted) return
          continue
        }
        const round = attempt / (settings.times + 1)
        const verdict = await settleFailure(task, {
          stage: 'process',
          operator: 'mapAsync',
          error,
          record: slot.record,
          attempt: round,
          receipt: slot.batch.batch.receipt,
        })
        if (verdict === 'stop') return
        if (verdict === 'drop') return this.settle(slot)
      }
    }
  }

  private attempt(record: AnyRec): Promise<W> {
    const { task, settings } = this
    const aborter = new AbortController()
    this.aborters.add(aborter)
    let timer: Timer | null = null
    const timeout = new Promise<never>((_, reject) => {
      const giveUp = () => {
        const error = new MillraceError(
          'MR_TIMEOUT',
          `mapAsync took longer than ${settings.timeoutMs} ms for ${record.topic}-${record.partition}@${record.offset}`,
        )
        reject(error)
        aborter.abort(error)
      }
      timer = task.clock.after(settings.timeoutMs, giveUp, { background: true })
    })
    const result = new Promise<W>((resolve) => resolve(settings.f(record.value, record, aborter.signal)))
    return Promise.race([result, timeout]).finally(() => {
      timer?.cancel()
      this.aborters.delete(aborter)
    })
  }

  private settle(slot: Slot): void {
    slot.state = 'settled'
    this.running--
    if (this.settings.order === 'key') this.busyKeys.delete(identityOf(slot.record.key))
    if (this.settings.order !== 'input') this.ready(slot)
    this.advance()
    this.fill()
  }

  /** Takes settled slots off the front; under order 'input' that is when their results may leave. */
  private advance(): void {
    for (let slot = this.slots[this.head]; slot?.state === 'settled'; slot = this.slots[++this.head]) {
      if (this.settings.order === 'input') this.ready(slot)
    }
    if (this.head < 1024 || this.head * 2 < this.slots.length) return
    this.slots = this.slots.slice(this.head)
    this.cursor = Math.max(0, this.cursor - this.head)
    this.head = 0
  }

  private ready(slot: Slot): void {
    const { batch } = slot
    if (slot.result) batch.ready.push(slot.result)
    batch.unsettled--
    if (batch.isListed) return
    batch.isListed = true
    if (this.readyBatches.push(batch) === 1) queueMicrotask(() => this.emit())
  }

  /** What is ready of each batch goes on with a part of its receipt; the last of it carries the receipt itself. */
  private emit(): void {
    const batches = this.readyBatches
    this.readyBatches = []
    for (const open of batches) {
      const { receipt } = open.batch
      const records = open.ready
      open.ready = []
      open.isListed = false
      if (open.unsettled > 0 && records.length === 0) continue
      if (open.unsettled > 0) receipt.hold(1)
      this.out.next({ records, receipt })
    }
  }
}

/** Equal keys have one identity: bytes and objects by content. */
const identityOf = (key: unknown): unknown => {
  if (key instanceof Uint8Array) return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
  return typeof key === 'object' && key !== null ? JSON.stringify(key) : key
}

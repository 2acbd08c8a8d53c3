import type { Clock } from '../core/clock.js'
import { lossless } from '../core/codec-lossless.js'
import { MillraceError, toError } from '../core/errors.js'
import type { KeyedStore, Receipt, Release, StoreSpec, TaskContext, Verdict } from '../topology/operator.js'
import type { Idleness } from './idleness.js'
import type { Outbox } from './outbox.js'
import type { Ledger } from './receipts.js'
import type { Services } from './services.js'
import { Standstill } from './standstill.js'
import type { TaskStores } from './task-stores.js'

/** What a task shows its verbs. */
export class OpenTaskContext implements TaskContext {
  /** For what was taken, and nothing more is. */
  hasCommitWaiting = false
  /** Until more is taken. */
  holdsNothingBack = false
  readonly standstill = new Standstill()
  readonly clock: Clock
  private readonly aborter = new AbortController()
  private readonly flushers: (() => void)[] = []

  constructor(
    private readonly services: Services,
    readonly partition: number,
    private readonly stores: TaskStores,
    private readonly ledger: Ledger,
    private readonly outbox: Outbox,
    private readonly idleness: Idleness,
    private readonly onFree: () => void,
  ) {
    this.clock = services.clock
  }

  get isExactlyOnce(): boolean {
    return this.services.isExactlyOnce
  }

  get signal(): AbortSignal {
    return this.aborter.signal
  }

  store<K, A>(spec: StoreSpec<K, A>): KeyedStore<K, A> {
    const { overlay } = this.stores.get(spec.name)
    return this.services.checksCodecs ? checked(overlay, spec) : overlay
  }

  globalTable<K, A>(name: string): KeyedStore<K, A> {
    return this.services.globalTable(name)
  }

  extraReceipt(): Receipt {
    return this.ledger.extra()
  }

  fail({ record, ...failure }: Parameters<TaskContext['fail']>[0]): Verdict {
    return this.services.failures.handle({ ...failure, origin: record.origin, outbox: this.outbox })
  }

  stop(error: Error): void {
    this.services.fail(error)
  }

  dropped(operator: string, reason: string): void {
    this.services.counters.drop(operator, reason)
  }

  onIdle(afterMs: number, move: (forMs: number) => void): void {
    this.idleness.add(afterMs, (forMs) => this.whenFree(() => move(forMs)))
  }

  hold(): Release {
    const release = this.standstill.begin()
    return (goOn) => {
      try {
        release(goOn)
      } catch (thrown) {
        // Not of a verb: those are guarded. Nothing calls us that could take it, and nothing must come after it.
        this.standstill.end()
        this.stop(toError(thrown))
      }
      if (!this.isHeld) this.onFree()
    }
  }

  whenFree(move: () => void): void {
    this.standstill.whenOver(move)
  }

  get isHeld(): boolean {
    return this.standstill.isOn
  }

  onFlush(flush: () => void): void {
    this.flushers.push(flush)
  }

  get isDraining(): boolean {
    return this.hasCommitWaiting || this.holdsNothingBack
  }

  /** Of what is still on its way to those who hold back, too. */
  flushAll(): void {
    this.holdsNothingBack = true
    this.flush()
  }

  flush(): void {
    for (const flush of this.flushers) flush()
  }

  abort(): void {
    if (this.signal.aborted) return
    this.aborter.abort(new Error('the task was closed'))
    this.standstill.end()
  }
}

const checked = <K, A>(store: KeyedStore<K, A>, spec: StoreSpec<K, A>): KeyedStore<K, A> => {
  const check = (value: A): void => {
    if (lossless(spec.value, value)) return
    throw new MillraceError('MR_CODEC_LOSSY', `${spec.value.name} does not give back a value of store ${spec.name}`)
  }
  return {
    get: (key, at) => store.get(key, at),
    entries: (range) => store.entries(range),
    delete: (key, timestamp, at) => store.delete(key, timestamp, at),
    expectLookups: () => store.expectLookups?.(),
    get streamTime() {
      return store.streamTime
    },
    advanceTo: (time) => store.advanceTo(time),
    get dirtyCount() {
      return store.dirtyCount
    },
    set: (key, value, timestamp, at) => {
      check(value)
      return store.set(key, value, timestamp, at)
    },
    insert: (key, value, timestamp) => {
      check(value)
      return store.insert(key, value, timestamp)
    },
  }
}

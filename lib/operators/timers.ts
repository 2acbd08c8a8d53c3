import { asBuffer } from '../core/bytes.js'
import { codec, type Codec } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import { Heap } from '../core/heap.js'
import type { KeyedStore, StoreSpec } from '../topology/operator.js'
import { setUndoably, type Undo } from './undo.js'

export type TimerClock = 'event' | 'wall'
/** One per key, name and clock. */
export interface TimerKey {
  readonly clock: TimerClock
  readonly name: string
  /** Encoded. */
  readonly key: Buffer
}
export interface PendingTimer extends TimerKey {
  readonly at: number
  /** Equal keys have one. */
  readonly id: string
  /** How many timers have set one another, each due at once, for this one to be set. In memory only. */
  readonly chained?: number
}

/** clock (1 byte) ‖ length of the key (u32) ‖ key ‖ name */
const timerKeyCodec: Codec<TimerKey> = Object.freeze({
  name: 'timer',
  encode: ({ clock, name, key }: TimerKey) => {
    const head = Buffer.allocUnsafe(5)
    head[0] = clock === 'event' ? 1 : 2
    head.writeUInt32BE(key.length, 1)
    return Buffer.concat([head, key, Buffer.from(name, 'utf8')])
  },
  decode: (bytes: Uint8Array | null): TimerKey => {
    const found = asBuffer(bytes ?? Buffer.alloc(0))
    if (found.length < 5 || (found[0] !== 1 && found[0] !== 2)) throw new MillraceError('MR_STATE_FORMAT', 'a timer has another format')
    const end = 5 + found.readUInt32BE(1)
    return { clock: found[0] === 1 ? 'event' : 'wall', key: Buffer.from(found.subarray(5, end)), name: found.toString('utf8', end) }
  },
})

export const timersSpec = (name: string): StoreSpec<TimerKey, number> =>
  Object.freeze({ name, key: timerKeyCodec, value: codec.number, kind: 'lmdb' })

/** Timers in a store, with their order in memory, built once from the store. */
export class Timers {
  private readonly pending = new Map<string, PendingTimer>()
  /** Some are pending no longer. */
  private readonly queues = { event: new Heap(isEarlier), wall: new Heap(isEarlier) }

  constructor(private readonly store: KeyedStore<TimerKey, number>) {
    for (const [timer, { value: at }] of store.entries()) this.put({ ...timer, at, id: asBuffer(timer.key).toString('latin1') })
  }

  /** The first that is pending. */
  next(clock: TimerClock): PendingTimer | undefined {
    const queue = this.queues[clock]
    for (let least = queue.least; least !== undefined; least = queue.least) {
      if (this.pending.get(idOf(least)) === least) return least
      queue.take()
    }
    return undefined
  }

  set(timer: PendingTimer, undo: Undo): void {
    this.replace(timer, timer, undo)
  }

  cancel(timer: Omit<PendingTimer, 'at'>, undo: Undo): void {
    if (this.pending.has(idOf(timer))) this.replace(timer, undefined, undo)
  }

  private replace(at: Omit<PendingTimer, 'at'>, timer: PendingTimer | undefined, undo: Undo): void {
    const id = idOf(at)
    const before = this.pending.get(id)
    const { clock, name, key } = at
    setUndoably(this.store, undo, { clock, name, key }, timer?.at, timer?.at ?? before?.at ?? 0)
    undo.add(() => this.hold(id, before))
    this.hold(id, timer)
  }

  private hold(id: string, timer: PendingTimer | undefined): void {
    if (timer === undefined) this.pending.delete(id)
    else this.put(timer)
  }

  private put(timer: PendingTimer): void {
    this.pending.set(idOf(timer), timer)
    this.queues[timer.clock].add(timer)
  }
}

const idOf = ({ clock, name, id }: Omit<PendingTimer, 'at'>): string => `${clock === 'event' ? 'e' : 'w'}${id.length}:${id}${name}`

const isEarlier = (a: PendingTimer, b: PendingTimer): boolean => {
  if (a.at !== b.at) return a.at < b.at
  return a.id === b.id ? a.name < b.name : a.id < b.id
}

import type { Clock, Timer } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import { nextOffset } from '../batch/header.js'
import { committedBatches, splitBatches } from '../batch/record-set.js'
import type { Chunk, PartitionOffset, TopicPartition } from '../port.js'
import { Budget, type BudgetSettings, type Claimant, type Grant } from './budget.js'
import type { Connections } from './connections.js'
import { broker, brokerError, isRetriable } from './error-codes.js'
import { isHopeless, toMillraceError } from './errors.js'
import { fetchV11, type FetchedPartition, type FetchResponse } from './fetch-request.js'

export interface FetchSettings extends BudgetSettings {
  /** Longest wait for data. */
  readonly waitMs: number
}
export interface FetchEvents {
  /** Its bytes count until `taken` says otherwise. */
  chunk(chunk: Chunk): void
  outOfRange(at: PartitionOffset): void
  /** The partition cannot be read any more. */
  failed(error: MillraceError, at: TopicPartition): void
  /** It goes on by itself; what is the matter with connections and leaders is told by those. */
  trouble(error: MillraceError): void
}

/** A partition being read. A new one replaces it when reading starts elsewhere, so answers to the old one are known. */
interface Position extends TopicPartition, Claimant {
  offset: number
  endOffset: number
  isPaused: boolean
  /** Until it is started again. */
  isHalted: boolean
  isAnnounced: boolean
  /** 'stale': not asked for before metadata was read again; 'retrying': it was, and no answer has come yet. */
  state: 'sound' | 'stale' | 'retrying'
  /** Since when its topic is in no metadata. */
  missingSince: number | null
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`
const isOpen = ({ isPaused, isHalted }: Position): boolean => !isPaused && !isHalted
const isWanted = (position: Position): boolean => isOpen(position) && position.state !== 'stale'
const backoffMs = { first: 50, most: 1000 }
const missingMs = 5000
const longBytes = 64 * 1024
/** While somebody is left out for lack of room, which may be over any moment. */
const partialWaitMs = 50

/**
 * Reads partitions from their leaders, without a group: one request at a time per broker for all of its partitions, the
 * next one sent before what the last one brought is handed on. kafkajs's own fetching hangs on compacted topics, resets
 * offsets by itself and rejoins the group when a leader moves.
 */
export class Fetcher {
  /** Those that have waited longest for data come first. */
  private readonly positions = new Map<string, Position>()
  private readonly budget: Budget<Position>
  /** Brokers with a request on its way. */
  private readonly busy = new Set<number>()
  private handing: Promise<void> = Promise.resolve()
  private refreshTimer: Timer | null = null
  private delayMs = backoffMs.first
  private isClosed = false

  constructor(
    private readonly connections: Connections,
    private readonly clock: Clock,
    private readonly settings: FetchSettings,
    private readonly events: FetchEvents,
  ) {
    this.budget = new Budget(settings)
  }

  start({ topic, partition, offset }: PartitionOffset): void {
    const before = this.positions.get(keyOf({ topic, partition }))
    if (before !== undefined) this.budget.release(before, before.heldBytes)
    const fresh = { endOffset: -1, isHalted: false, isAnnounced: false, state: 'sound', missingSince: null } as const
    const isPaused = before?.isPaused ?? false
    this.positions.set(keyOf({ topic, partition }), { ...fresh, topic, partition, offset, isPaused, heldBytes: 0, resumeAt: Infinity })
    this.wake()
  }
  /** Reads no more of it. */
  stop(at: TopicPartition): void {
    const position = this.positions.get(keyOf(at))
    if (position === undefined) return
    this.positions.delete(keyOf(at))
    this.budget.release(position, position.heldBytes)
  }
  pause(at: TopicPartition): void {
    const position = this.positions.get(keyOf(at))
    if (position !== undefined) position.isPaused = true
  }
  resume(at: TopicPartition): void {
    const position = this.positions.get(keyOf(at))
    if (position?.isPaused !== true) return
    position.isPaused = false
    this.wake()
  }
  /** What was handed on of it needs no room any more. */
  taken(at: TopicPartition, bytes: number): void {
    const position = this.positions.get(keyOf(at))
    if (position !== undefined && this.budget.release(position, bytes)) this.wake()
  }
  /** Handed on and not taken, of all partitions. */
  get heldBytes(): number {
    return this.budget.heldBytes
  }
  /** Nothing of what is on its way arrives any more. */
  stopAll(): void {
    for (const position of this.positions.values()) this.budget.release(position, position.heldBytes)
    this.positions.clear()
  }
  close(): void {
    this.isClosed = true
    this.stopAll()
    this.refreshTimer?.cancel()
  }

  /** Sends a request to every broker that leads something to read and has none on its way. */
  wake(): void {
    if (this.isClosed) return
    let isLeaderMissing = false
    const leaders = new Set<number>()
    for (const position of this.positions.values()) {
      if (!isWanted(position)) continue
      const leader = this.connections.leaderOf(position)
      if (leader === null) isLeaderMissing = true
      else leaders.add(leader)
    }
    for (const leader of leaders) if (!this.busy.has(leader)) void this.readFrom(leader)
    if (isLeaderMissing) this.refreshLater()
  }

  /** Until there is nothing to ask this broker for. */
  private async readFrom(node: number): Promise<void> {
    let asked = this.ask(node)
    if (asked !== null) this.busy.add(node)
    while (asked !== null) {
      const { positions, grant, answer } = asked
      const response = await answer
      this.budget.answered(grant)
      const calls = response instanceof MillraceError ? this.onTrouble(response, positions) : this.accept(positions, response)
      const next = this.ask(node)
      await this.handOn(calls)
      asked = next ?? this.ask(node)
      if (asked === null) this.busy.delete(node)
      // kafkajs reads metadata when it likes: what this broker led may be another's by now, or nobody's.
      this.wake()
    }
  }

  /** In the order of the answers, also where a partition has moved to another broker meanwhile. */
  private handOn(calls: readonly Call[]): Promise<void> {
    this.handing = this.handing.then(async () => {
      for (const { bytes, run } of calls) {
        run()
        // Whoever works on it at once would let the sockets fill up, and the brokers wait.
        if (bytes > longBytes) await new Promise(setImmediate)
      }
    })
    return this.handing
  }

  private ask(node: number): Question | null {
    if (this.isClosed) return null
    const wanted: Position[] = []
    let open = 0
    for (const position of this.positions.values()) {
      if (isOpen(position)) open += 1
      if (isWanted(position) && this.connections.leaderOf(position) === node) wanted.push(position)
    }
    const grant = this.budget.grant(wanted, open)
    if (grant === null) return null
    const positions = new Map<string, Asked>()
    let maxWaitMs = grant.isPartial ? Math.min(partialWaitMs, this.settings.waitMs) : this.settings.waitMs
    for (const position of grant.claimants) {
      positions.set(keyOf(position), { position, offset: position.offset })
      // Whoever has just started learns of the end at once.
      if (!position.isAnnounced) maxWaitMs = 0
    }
    const request = fetchV11({ maxWaitMs, maxBytes: grant.maxBytes, bytesPerPartition: grant.bytesEach, partitions: grant.claimants })
    const answer = this.connections.sendTo(node, request).catch((error: unknown) => toMillraceError(error, `fetching from broker ${node}`))
    return { positions, grant, answer }
  }

  /** Moves the positions; what it returns is to be called after the next request has gone. */
  private accept(asked: ReadonlyMap<string, Asked>, response: FetchResponse): readonly Call[] {
    if (response.errorCode !== 0) return this.onTrouble(brokerError(response.errorCode, 'fetching'), asked)
    const total = response.partitions.reduce((bytes, { records }) => bytes + records.length, 0)
    const calls: Call[] = []
    for (const fetched of response.partitions) {
      const ask = asked.get(keyOf(fetched))
      if (ask === undefined || !this.isCurrent(ask)) continue
      const call = fetched.errorCode === 0 ? this.advance(ask.position, fetched, total) : this.refuse(ask.position, fetched.errorCode)
      if (call === null) continue
      calls.push({ bytes: fetched.records.length, run: () => this.tell(ask.position, call) })
    }
    return calls
  }

  /** A listener that throws ends the reading of this partition: what follows would be committed over what it has lost. */
  private tell(position: Position, call: () => void): void {
    if (this.positions.get(keyOf(position)) !== position) return
    try {
      call()
    } catch (error) {
      const { topic, partition } = position
      this.stop(position)
      this.events.failed(toMillraceError(error, `handing on what was fetched of ${topic}-${partition}`), { topic, partition })
    }
  }

  private isCurrent({ position, offset }: Asked): boolean {
    return this.positions.get(keyOf(position)) === position && position.offset === offset
  }

  private advance(position: Position, fetched: FetchedPartition, total: number): (() => void) | null {
    const { topic, partition, offset } = position
    const endOffset = fetched.lastStableOffset
    position.missingSince = null
    if (position.state !== 'sound') this.delayMs = backoffMs.first
    position.state = 'sound'
    try {
      // A small part does not keep the whole response in memory.
      const records = fetched.records.length * 2 < total ? Buffer.from(fetched.records) : fetched.records
      const all = splitBatches(records, { topic, partition }, offset)
      const last = all.at(-1)
      const next = last === undefined ? offset : nextOffset(last)
      const batches = committedBatches(all, fetched.aborted)
      if (batches.length === 0 && next === offset && endOffset === position.endOffset && position.isAnnounced) return null
      position.offset = next
      position.endOffset = endOffset
      position.isAnnounced = true
      const byteLength = batches.reduce((bytes, batch) => bytes + batch.length, 0)
      this.budget.hold(position, byteLength)
      if (last !== undefined) this.giveWay(position)
      return () => this.events.chunk({ topic, partition, batches, fetchOffset: offset, nextOffset: next, endOffset, byteLength })
    } catch (error) {
      return this.give(position, toMillraceError(error, `reading ${topic}-${partition} at offset ${offset}`))
    }
  }

  /** A broker fills an answer in the order of the request. */
  private giveWay(position: Position): void {
    const key = keyOf(position)
    this.positions.delete(key)
    this.positions.set(key, position)
  }

  private refuse(position: Position, code: number): (() => void) | null {
    const { topic, partition, offset } = position
    const error = brokerError(code, `fetching ${topic}-${partition} at offset ${offset}`)
    if (code === broker.offsetOutOfRange) {
      position.isHalted = true
      return () => this.events.outOfRange({ topic, partition, offset })
    }
    if (!isRetriable(code)) return this.give(position, error)
    // Routine after a leader has moved or a topic was made; trouble only when fresh metadata does not help.
    const isRoutine = position.state === 'sound'
    this.setBack([position])
    return isRoutine ? null : () => this.events.trouble(error)
  }

  private give(position: Position, error: MillraceError): () => void {
    position.isHalted = true
    return () => this.events.failed(error, { topic: position.topic, partition: position.partition })
  }

  private onTrouble(error: MillraceError, asked: ReadonlyMap<string, Asked>): readonly Call[] {
    if (this.isClosed) return []
    if (isHopeless(error)) return [{ bytes: 0, run: () => this.failAll(error) }]
    this.setBack([...asked.values()].map(({ position }) => position))
    return []
  }

  private setBack(positions: readonly Position[]): void {
    for (const position of positions) position.state = 'stale'
    this.refreshLater()
  }

  private failAll(error: MillraceError): void {
    const [first] = this.positions.values()
    this.stopAll()
    if (first !== undefined) this.events.failed(error, first)
  }

  /** Reads metadata after a pause that grows, and goes on. */
  private refreshLater(): void {
    if (this.refreshTimer !== null || this.isClosed) return
    this.refreshTimer = this.clock.after(this.delayMs, () => void this.refresh())
    this.delayMs = Math.min(this.delayMs * 2, backoffMs.most)
  }

  private async refresh(): Promise<void> {
    try {
      await this.connections.refresh()
      this.refreshTimer = null
      for (const position of this.positions.values()) if (position.state === 'stale') position.state = 'retrying'
      this.findDeleted()
      this.wake()
    } catch (error) {
      this.refreshTimer = null
      void this.handOn(this.onTrouble(toMillraceError(error, 'reading metadata'), new Map()))
    }
  }

  private findDeleted(): void {
    const now = this.clock.now()
    for (const position of [...this.positions.values()]) {
      const { topic, partition } = position
      if (this.connections.partitionsOf(topic) > partition) position.missingSince = null
      else position.missingSince ??= now
      if (position.missingSince === null || now - position.missingSince < missingMs || position.isHalted) continue
      this.give(position, new MillraceError('MR_TOPIC_DELETED', `${topic}-${partition} is in no broker's metadata any more`))()
    }
  }
}

/** Tells a listener, of a chunk of so many bytes for one. */
interface Call {
  readonly bytes: number
  readonly run: () => void
}
interface Asked {
  readonly position: Position
  readonly offset: number
}
interface Question {
  readonly positions: ReadonlyMap<string, Asked>
  readonly grant: Grant<Position>
  readonly answer: Promise<FetchResponse | MillraceError>
}

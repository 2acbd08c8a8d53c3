import { randomUUID } from 'node:crypto'
import { MillraceError } from '../../core/errors.js'
import type { CommittedOffset, GroupListener, GroupOptions, Member, TopicPartition } from '../port.js'
import { Feed } from './feed.js'
import type { LogView } from './log-view.js'

/** What a member asks of its group. */
export interface Coordinator {
  readonly groupId: string
  /** That generation, of a member that still belongs to it. */
  isCurrent(membership: Membership, generation: number): boolean
  rebalance(): void
  drop(membership: Membership): void
}

/** One who has joined a group, over all generations; what the listener is handed is of one generation. */
export class Membership {
  readonly memberId = randomUUID()
  /** Set once it wants to leave: how long its last revoke may take. */
  leavingWithinMs: number | null = null
  readonly joined: Promise<Member>
  readonly left: Promise<void>
  /** Resolves when it was dropped: nobody waits for it any more. */
  readonly dropped: Promise<void>
  isDropped = false
  private generation = -1
  private feed: Feed | null = null
  private isPumping = false
  private readonly unfollow: () => void = () => undefined
  private settleJoined: { resolve(member: Member): void; reject(error: MillraceError): void } = {
    resolve: () => undefined,
    reject: () => undefined,
  }
  private settleLeft: () => void = () => undefined
  private settleDropped: () => void = () => undefined

  constructor(
    private readonly log: LogView,
    private readonly group: Coordinator,
    readonly options: GroupOptions,
    readonly listener: GroupListener,
  ) {
    this.joined = new Promise((resolve, reject) => (this.settleJoined = { resolve, reject }))
    this.left = new Promise((resolve) => (this.settleLeft = resolve))
    this.dropped = new Promise((resolve) => (this.settleDropped = resolve))
    this.unfollow = log.follow(() => this.pump())
  }

  get isAssigned(): boolean {
    return this.generation >= 0
  }

  begin(generation: number, partitions: readonly TopicPartition[]): void {
    this.generation = generation
    this.feed = new Feed(this.log, this.options.fetchBytes, this.options.bufferBytes)
    const member = this.handle(generation)
    this.listener.assigned(member, partitions)
    this.settleJoined.resolve(member)
  }

  /** Nothing is read until the next generation. */
  stopReading(): void {
    this.feed?.stop()
    this.feed = null
  }

  /** Out of the group; whatever it does from now on is void. */
  end(): void {
    this.isDropped = true
    this.stopReading()
    this.unfollow()
    this.settleJoined.reject(new MillraceError('MR_FENCED', `the member left group ${this.group.groupId} before it had an assignment`))
    this.settleDropped()
    this.settleLeft()
  }

  /** Its revoke took too long: it has lost what it held, and joins again when it has noticed. */
  kicked(): void {
    this.generation = -1
    this.listener.lost()
  }

  leave(deadlineMs: number): Promise<void> {
    if (this.leavingWithinMs === null && !this.isDropped) {
      this.leavingWithinMs = deadlineMs
      // Without an assignment there is nothing to give back, and nobody to wait for.
      if (this.isAssigned) this.group.rebalance()
      else this.group.drop(this)
    }
    return this.left
  }

  private handle(generation: number): Member {
    const isCurrent = () => this.group.isCurrent(this, generation)
    const feed = () => (this.generation === generation ? this.feed : null)
    return {
      groupId: this.group.groupId,
      generation,
      isAlive: isCurrent,
      start: (at) => {
        if (feed()?.start(at) === false)
          throw new MillraceError('MR_TOPIC_MISSING', `partition ${at.partition} of topic ${at.topic} does not exist`)
        this.pump()
      },
      pause: (at) => feed()?.pause(at),
      resume: (at) => {
        feed()?.resume(at)
        this.pump()
      },
      taken: (at, bytes) => {
        feed()?.taken(at, bytes)
        this.pump()
      },
      committed: async (partitions) => {
        if (this.isDropped) throw this.fenced()
        return this.log.committed(this.group.groupId, partitions)
      },
      commit: (offsets: readonly CommittedOffset[]) => this.log.commit(this.group.groupId, offsets, isCurrent),
      leave: (deadlineMs) => this.leave(deadlineMs),
    }
  }

  private fenced(): MillraceError {
    return new MillraceError('MR_FENCED', `the member has left group ${this.group.groupId}`)
  }

  /** One chunk of each partition a turn, on a later turn: others take theirs in between, and so does the work on them. */
  private pump(): void {
    if (this.isPumping || this.feed?.isReady !== true) return
    this.isPumping = true
    setImmediate(() => {
      this.isPumping = false
      const { feed } = this
      if (feed === null) return
      for (const fed of feed.round()) {
        if (fed._tag === 'Chunk') this.listener.chunk(fed.chunk)
        else this.listener.outOfRange(fed.at)
      }
      this.pump()
    })
  }
}

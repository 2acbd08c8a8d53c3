import { assign, type TopicSet } from '../assignor.js'
import type { GroupListener, GroupOptions } from '../port.js'
import type { LogView } from './log-view.js'
import { Membership, type Coordinator } from './membership.js'

/**
 * A consumer group. A join or a leave ends the generation: every member that has one is asked to give back what it has,
 * its commits still count meanwhile; then the next one begins for all.
 */
export class GroupCoordinator implements Coordinator {
  private members: readonly Membership[] = []
  private generation = 0
  private isRequested = false
  private isRunning = false

  constructor(
    private readonly log: LogView,
    readonly groupId: string,
  ) {}

  join(options: GroupOptions, listener: GroupListener): Membership {
    const membership = new Membership(this.log, this, options, listener)
    this.members = [...this.members, membership]
    this.rebalance()
    return membership
  }

  /** Without asking it: its process is gone, as far as the group knows. */
  drop(membership: Membership): void {
    if (membership.isDropped) return
    this.members = this.members.filter((member) => member !== membership)
    membership.end()
    this.rebalance()
  }

  isCurrent(membership: Membership, generation: number): boolean {
    return generation === this.generation && this.members.includes(membership)
  }

  rebalance(): void {
    this.isRequested = true
    if (this.isRunning) return
    this.isRunning = true
    // On a later turn, so that those who join together are assigned together.
    setImmediate(() => void this.run())
  }

  private async run(): Promise<void> {
    while (this.isRequested) {
      await Promise.all(this.members.filter((member) => member.isAssigned).map((member) => this.revoke(member)))
      this.isRequested = false
      this.begin()
    }
    this.isRunning = false
  }

  /** Settles when the member has given back, is gone, or has had its time. */
  private async revoke(member: Membership): Promise<void> {
    member.stopReading()
    const limitMs = member.leavingWithinMs ?? member.options.rebalanceTimeoutMs
    // Its own deadline is shorter than the group's, so that it is seldom the group that ends it.
    const deadlineMs = member.leavingWithinMs ?? limitMs / 2
    const revoked = member.listener.revoke(deadlineMs).then(
      () => 'revoked' as const,
      () => 'revoked' as const, // it may not reject; if it does, what it held is as good as given back
    )
    let cancel = (): void => undefined
    const late = new Promise<'late'>((resolve) => {
      const timer = this.log.clock.after(limitMs, () => resolve('late'), { background: true })
      cancel = () => timer.cancel()
    })
    const outcome = await Promise.race([revoked, member.dropped, late]).finally(cancel)
    if (outcome === 'late') this.kick(member, revoked)
  }

  private kick(member: Membership, revoked: Promise<unknown>): void {
    this.members = this.members.filter((one) => one !== member)
    if (member.leavingWithinMs !== null) return member.end()
    void revoked.then(() => {
      if (member.isDropped) return
      member.kicked()
      this.members = [...this.members, member]
      this.rebalance()
    })
  }

  private begin(): void {
    this.generation++
    const leaving = this.members.filter((member) => member.leavingWithinMs !== null)
    this.members = this.members.filter((member) => member.leavingWithinMs === null)
    for (const member of leaving) member.end()
    const [first] = this.members
    if (first === undefined) return
    const assigned = assign(
      this.members.map((member) => ({ memberId: member.memberId, nodeId: member.options.nodeId, held: member.options.held() })),
      this.setsOf(first.options),
    )
    for (const member of this.members) member.begin(this.generation, assigned.get(member.memberId) ?? [])
  }

  /** A topic of no set is one of its own. */
  private setsOf({ copartitioned, topics }: GroupOptions): TopicSet[] {
    const known = new Set(copartitioned.flat())
    const sets = [...copartitioned, ...topics.filter((topic) => !known.has(topic)).map((topic) => [topic])]
    return sets.map((set) => ({ topics: set, partitions: set.map((topic) => this.log.topic(topic)?.partitions ?? 0) }))
  }
}

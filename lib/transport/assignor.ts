import { spreadExtras } from './assignor-extras.js'
import type { HeldTask, TopicPartition } from './port.js'

/** Topics of which partition n goes to one member, for every n. */
export interface TopicSet {
  readonly topics: readonly string[]
  /** Of each topic, in their order, or one number for all. A topic with fewer than the others has no part in the last tasks. */
  readonly partitions: number | readonly number[]
}
export interface GroupMember {
  readonly memberId: string
  /** Survives restarts; '' when unknown. */
  readonly nodeId: string
  /** Tasks this member has state of. */
  readonly held: readonly HeldTask[]
}

/**
 * Who reads what. A task is partition n of all topics of a set. Tasks are spread evenly (members differ by one at most),
 * those of each set too, and within that each stays where its state is: as many as can. The same for any order of members.
 */
export const assign = (members: readonly GroupMember[], sets: readonly TopicSet[]): ReadonlyMap<string, TopicPartition[]> => {
  const ranked = members.toSorted((a, b) => compare(a.nodeId, b.nodeId) || compare(a.memberId, b.memberId))
  const assigned = new Map<string, TopicPartition[]>(ranked.map(({ memberId }) => [memberId, []]))
  if (ranked.length === 0) return assigned
  const tasks = sets.map(tasksOf)
  const claims = sets.map((_, set) => claimsOf(ranked, set, tasks[set] ?? 0))
  const share = tasks.map((count) => Math.floor(count / ranked.length))
  const extras = spreadExtras(
    tasks.map((count, set) => ({
      count: count % ranked.length,
      wanted: ranked.map((_, member) => (claims[set]?.filter((claim) => claim.by === member).length ?? 0) > (share[set] ?? 0)),
    })),
    ranked.length,
  )
  sets.forEach((set, index) => {
    const rooms = ranked.map((_, member) => (share[index] ?? 0) + (extras[index]?.has(member) === true ? 1 : 0))
    const owners = place(claims[index] ?? [], rooms)
    owners.forEach((owner, partition) => assigned.get(ranked[owner]?.memberId ?? '')?.push(...taskOf(set, partition)))
  })
  return assigned
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const countOf = (set: TopicSet, topic: number): number =>
  typeof set.partitions === 'number' ? set.partitions : (set.partitions[topic] ?? 0)

const tasksOf = (set: TopicSet): number => Math.max(0, ...set.topics.map((_, topic) => countOf(set, topic)))

const taskOf = (set: TopicSet, partition: number): TopicPartition[] =>
  set.topics.filter((_, topic) => partition < countOf(set, topic)).map((topic) => ({ topic, partition }))

/** Of each partition: who has state of it, and who of them asks first; -1: nobody. Members are numbers: their rank. */
interface Claim {
  readonly holders: readonly number[]
  readonly by: number
}

const claimsOf = (members: readonly GroupMember[], set: number, count: number): Claim[] => {
  const holders = Array.from({ length: count }, (): Set<number> => new Set())
  members.forEach((member, rank) => {
    for (const held of member.held) if (held.set === set) holders[held.partition]?.add(rank)
  })
  const load = members.map(() => 0)
  const by = holders.map(() => -1)
  // Those with one holder first: of several, the one with the fewest takes it.
  const order = holders.map((_, partition) => partition).toSorted((a, b) => (holders[a]?.size ?? 0) - (holders[b]?.size ?? 0) || a - b)
  for (const partition of order) {
    const least = leastLoaded([...(holders[partition] ?? [])], load)
    if (least === undefined) continue
    by[partition] = least
    load[least] = (load[least] ?? 0) + 1
  }
  return holders.map((ranks, partition) => ({ holders: [...ranks], by: by[partition] ?? -1 }))
}

const leastLoaded = (ranks: readonly number[], load: readonly number[]): number | undefined =>
  ranks.toSorted((a, b) => (load[a] ?? 0) - (load[b] ?? 0) || a - b)[0]

/** The owner of each partition: who claims it, else another holder, else anyone, as long as there is room. */
const place = (claims: readonly Claim[], rooms: number[]): number[] => {
  const owners = claims.map(() => -1)
  const offer = (candidates: (claim: Claim) => readonly number[]): void => {
    claims.forEach((claim, partition) => {
      if (owners[partition] !== -1) return
      const owner = candidates(claim).find((rank) => (rooms[rank] ?? 0) > 0)
      if (owner === undefined) return
      owners[partition] = owner
      rooms[owner] = (rooms[owner] ?? 0) - 1
    })
  }
  offer((claim) => [claim.by])
  offer((claim) => claim.holders)
  const everybody = [...rooms.keys()]
  offer(() => everybody)
  return owners
}

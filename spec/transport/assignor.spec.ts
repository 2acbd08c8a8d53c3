import fc from 'fast-check'
import { assign, type GroupMember, type TopicSet } from '../../lib/transport/assignor.js'
import type { HeldTask, TopicPartition } from '../../lib/transport/port.js'

const sets = fc
  .array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 })
  .map((shapes): TopicSet[] => shapes.map((partitions, set) => ({ topics: partitions.map((_, i) => `s${set}-t${i}`), partitions })))

/** Members that have any states, also of the same task, also of tasks that do not exist. */
const members = fc
  .array(fc.array(fc.record({ set: fc.nat(4), partition: fc.nat(9) }), { maxLength: 12 }), { minLength: 1, maxLength: 6 })
  .map((all): GroupMember[] => all.map((held, i) => ({ memberId: `m${i}`, nodeId: `n${i}`, held })))

const countsOf = (set: TopicSet): readonly number[] =>
  typeof set.partitions === 'number' ? set.topics.map(() => Number(set.partitions)) : set.partitions

/** The tasks of each member, as `set/partition`; a task that is torn apart is there several times. */
const tasksOf = (assigned: ReadonlyMap<string, readonly TopicPartition[]>): Map<string, HeldTask[]> =>
  new Map(
    [...assigned].map(([member, partitions]) => {
      const names = new Set(partitions.map(({ topic, partition }) => `${topic.slice(1, topic.indexOf('-'))}/${partition}`))
      return [member, [...names].map((name) => ({ set: Number(name.split('/')[0]), partition: Number(name.split('/')[1]) }))]
    }),
  )
const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts)
const has = (held: readonly HeldTask[], task: HeldTask): boolean =>
  held.some(({ set, partition }) => set === task.set && partition === task.partition)

describe('assign', () => {
  it('gives every partition of every topic to exactly one member, and each member an entry', () => {
    fc.assert(
      fc.property(members, sets, (group, topics) => {
        const assigned = assign(group, topics)

        const all = topics.flatMap((set) =>
          set.topics.flatMap((topic, i) => [...Array(countsOf(set)[i]).keys()].map((n) => `${topic}-${n}`)),
        )
        expect(
          [...assigned.values()]
            .flat()
            .map((one) => `${one.topic}-${one.partition}`)
            .sort(),
        ).toEqual(all.sort())
        expect([...assigned.keys()].sort()).toEqual(group.map((member) => member.memberId).sort())
      }),
    )
  })

  it('gives partition n of all topics of a set to one member; a shorter topic has no part in the last ones', () => {
    fc.assert(
      fc.property(members, sets, (group, topics) => {
        const tasks = [...tasksOf(assign(group, topics)).values()].flat()

        expect(tasks).toHaveLength(topics.reduce((sum, set) => sum + Math.max(...countsOf(set)), 0))
      }),
    )
  })

  it('spreads all tasks, and those of each set, so that members differ by one at most', () => {
    fc.assert(
      fc.property(members, sets, (group, topics) => {
        const tasks = [...tasksOf(assign(group, topics)).values()]

        expect(spread(tasks.map((own) => own.length))).toBeLessThanOrEqual(1)
        topics.forEach((_, set) => {
          expect(spread(tasks.map((own) => own.filter((task) => task.set === set).length))).toBeLessThanOrEqual(1)
        })
      }),
    )
  })

  it('does not depend on the order of members or of what they hold', () => {
    fc.assert(
      fc.property(members, sets, fc.infiniteStream(fc.nat()), (group, topics, random) => {
        const shuffled = <A>(all: readonly A[]): A[] =>
          all
            .map((a) => [random.next().value, a] as const)
            .sort((a, b) => a[0] - b[0])
            .map(([, a]) => a)
        const again = shuffled(group.map((member) => ({ ...member, held: shuffled(member.held) })))

        expect([...assign(again, topics)].sort()).toEqual([...assign(group, topics)].sort())
      }),
    )
  })

  it('keeps as many tasks where their state is as any balanced assignment could', () => {
    const small = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 })
    fc.assert(
      fc.property(small, fc.integer({ min: 1, max: 3 }), fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }), (counts, size, holders) => {
        const topics = counts.map((partitions, set): TopicSet => ({ topics: [`s${set}-t`], partitions }))
        const tasks = counts.flatMap((count, set) => [...Array(count).keys()].map((partition) => ({ set, partition })))
        // Holder 3 is nobody, and so is one beyond the group.
        const group = [...Array(size).keys()].map((i) => ({
          memberId: `m${i}`,
          nodeId: `n${i}`,
          held: tasks.filter((_, t) => holders[t] === i),
        }))

        const assigned = tasksOf(assign(group, topics))

        const kept = group.reduce(
          (sum, member) => sum + member.held.filter((task) => has(assigned.get(member.memberId) ?? [], task)).length,
          0,
        )
        expect(kept).toBe(mostKept(tasks, size, holders))
      }),
      { numRuns: 300 },
    )
  })

  it('moves nothing when nothing has changed', () => {
    fc.assert(
      fc.property(members, sets, (group, topics) => {
        const first = tasksOf(assign(group, topics))

        const second = tasksOf(
          assign(
            group.map((member) => ({ ...member, memberId: `${member.memberId}-rejoined`, held: first.get(member.memberId) ?? [] })),
            topics,
          ),
        )

        for (const [member, tasks] of first) expect(new Set(second.get(`${member}-rejoined`))).toEqual(new Set(tasks))
      }),
    )
  })

  // Of several sets evenness may ask for more: who had two of one set for none of another gives one away when all must have one.
  it('takes nothing of one set from those who stay when a member leaves', () => {
    fc.assert(
      fc.property(members, sets, (group, [topics]) => {
        const only = topics === undefined ? [] : [topics]
        const before = tasksOf(assign(group, only))
        const left = group.slice(1).map((member) => ({ ...member, held: before.get(member.memberId) ?? [] }))

        const after = tasksOf(assign(left, only))

        for (const member of left) for (const task of member.held) expect(has(after.get(member.memberId) ?? [], task)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('lets another holder have the task that its first one has no room for', () => {
    const held = [0, 1].map((partition) => ({ set: 0, partition }))
    const group = [
      { memberId: 'a', nodeId: 'a', held: [] },
      { memberId: 'b', nodeId: 'b', held },
      { memberId: 'c', nodeId: 'c', held },
    ]

    const assigned = assign(group, [{ topics: ['t'], partitions: 2 }])

    expect(assigned.get('a')).toEqual([])
    expect(assigned.get('b')).toHaveLength(1)
    expect(assigned.get('c')).toHaveLength(1)
  })

  it('is quick for a large group', () => {
    const group = [...Array(60).keys()].map((i) => ({ memberId: `m${i}`, nodeId: `n${i}`, held: [{ set: i % 10, partition: i }] }))
    const topics = [...Array(10).keys()].map((set) => ({ topics: [`t${set}`], partitions: 100 + set }))

    expect([...assign(group, topics).values()].flat()).toHaveLength(1045)
  }, 2000)
})

/** By trying all of them. */
const mostKept = (tasks: readonly HeldTask[], size: number, holders: readonly number[]): number => {
  let best = 0
  for (let code = 0; code < size ** tasks.length; code++) {
    const owner = (t: number): number => Math.floor(code / size ** t) % size
    const isBalanced = (some: readonly number[]): boolean =>
      spread([...Array(size).keys()].map((m) => some.filter((t) => owner(t) === m).length)) <= 1
    const indexes = [...tasks.keys()]
    const ok = isBalanced(indexes) && [0, 1].every((set) => isBalanced(indexes.filter((t) => tasks[t]?.set === set)))
    if (ok) best = Math.max(best, indexes.filter((t) => holders[t] === owner(t)).length)
  }
  return best
}

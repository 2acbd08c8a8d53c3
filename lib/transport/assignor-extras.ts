/** Tasks of a set that are left when every member has had its equal share, and who would keep state by getting one. */
export interface Extras {
  readonly count: number
  readonly wanted: readonly boolean[]
}

/**
 * Who gets the extras of each set: at most one of a set each, over all sets as many as the others (differing by one), and
 * as many as possible to those who want one. A transport problem, solved exactly by shortest augmenting paths: a greedy
 * choice takes in one set what a member needs in the next.
 */
export const spreadExtras = (sets: readonly Extras[], members: number): readonly ReadonlySet<number>[] => {
  const given = sets.map(() => new Set<number>())
  const load = Array.from({ length: members }, () => 0)
  const even = Math.floor(sets.reduce((sum, set) => sum + set.count, 0) / members)
  sets.forEach((set, from) => {
    for (let i = 0; i < set.count; i++) augment({ sets, given, load, even }, from)
  })
  return given
}

interface Spread {
  readonly sets: readonly Extras[]
  readonly given: readonly Set<number>[]
  readonly load: number[]
  readonly even: number
}
/** The cheapest way found to let a member take one more: from `set`, which took it over from `before`. */
interface Step {
  readonly cost: number
  readonly set: number
  readonly before: number | null
}

/** Far beyond any number of wishes: evenness comes first. */
const uneven = 1e6

/** One more extra of set `from`: to a member directly, or by moving those of other sets along a cheapest chain. */
const augment = (spread: Spread, from: number): void => {
  const steps = cheapestSteps(spread, from)
  const end = endOf(spread, steps)
  for (let member: number | null = end; member !== null;) {
    const step: Step | undefined = steps[member]
    if (step === undefined) return
    if (step.before !== null) spread.given[step.set]?.delete(step.before)
    spread.given[step.set]?.add(member)
    member = step.before
  }
  spread.load[end] = (spread.load[end] ?? 0) + 1
}

/** Bellman and Ford: every member relaxed by every set until nothing gets cheaper. */
const cheapestSteps = ({ sets, given, load }: Spread, from: number): (Step | undefined)[] => {
  const steps = load.map((_, member): Step | undefined =>
    given[from]?.has(member) === true ? undefined : { cost: costOf(sets[from], member), set: from, before: null },
  )
  for (let changed = true; changed;) {
    changed = false
    steps.forEach((step, before) => {
      if (step === undefined) return
      given.forEach((owners, set) => {
        if (!owners.has(before)) return
        for (let member = 0; member < load.length; member++) {
          const cost = step.cost - costOf(sets[set], before) + costOf(sets[set], member)
          if (owners.has(member) || cost >= (steps[member]?.cost ?? Infinity)) continue
          steps[member] = { cost, set, before }
          changed = true
        }
      })
    })
  }
  return steps
}

const costOf = (set: Extras | undefined, member: number): number => (set?.wanted[member] === true ? 0 : 1)

/** Where the chain ends: the member that takes one more. */
const endOf = ({ load, even }: Spread, steps: readonly (Step | undefined)[]): number => {
  let best = -1
  let least = Infinity
  load.forEach((count, member) => {
    const cost = (steps[member]?.cost ?? Infinity) + (count < even ? 0 : count === even ? uneven : uneven * uneven)
    if (cost >= least) return
    best = member
    least = cost
  })
  return best
}

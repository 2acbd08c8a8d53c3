import fc from 'fast-check'
import type { AnyLaw, Sent } from './law.js'

export type Step =
  /** Written in one go, and processed to the end. */
  | { readonly _tag: 'send'; readonly sent: readonly Sent[] }
  /** Written in one go; the process dies so many turns of the event loop later. */
  | { readonly _tag: 'crash amid'; readonly sent: readonly Sent[]; readonly turns: number }
  | { readonly _tag: 'restart' | 'crash' | 'loseDisk' }
  | { readonly _tag: 'members'; readonly count: number }

/** Plain data: what was found failing can be pinned as it was printed. */
export interface History<S = unknown> {
  readonly settings: S
  readonly partitions: number
  readonly delivery: 'at-least-once' | 'exactly-once'
  /** Where state lies. */
  readonly disk: boolean
  readonly fetchBytes: number
  readonly steps: readonly Step[]
}

interface Draft {
  readonly to: number
  /** Which of the keys; beyond them: null. */
  readonly key: number
  readonly word: number
  /** 0: null. */
  readonly value: number
  /** From the largest time so far. */
  readonly move: number
}
type DraftStep =
  { readonly _tag: 'send' | 'crash amid'; readonly drafts: readonly Draft[]; readonly turns: number } | Exclude<Step, { sent: unknown }>

/** Mostly a little ahead or behind, now and then far behind, or a jump. */
const move = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -4, max: 6 }) },
  { weight: 2, arbitrary: fc.integer({ min: -40, max: 0 }) },
  { weight: 1, arbitrary: fc.integer({ min: 7, max: 60 }) },
)

const draft = ({ inputs }: AnyLaw): fc.Arbitrary<Draft> =>
  fc.record({
    to: fc.nat({ max: inputs.length - 1 }),
    key: fc.nat({ max: 255 }),
    word: fc.nat({ max: 15 }),
    value: fc.nat({ max: 15 }),
    move,
  })

const stepOf = (drafts: fc.Arbitrary<readonly Draft[]>): fc.Arbitrary<DraftStep> =>
  fc.oneof(
    { weight: 16, arbitrary: fc.record({ _tag: fc.constant('send' as const), drafts, turns: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant('crash amid' as const), drafts, turns: fc.nat({ max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constantFrom('restart' as const, 'crash' as const, 'loseDisk' as const) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant('members' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  )

/** Any history of a law: what is sent, how it is cut into batches, and what happens to the process on the way. */
export const historyOf = (law: AnyLaw): fc.Arbitrary<History> => {
  const drafts = fc.array(draft(law), { minLength: 1, maxLength: 8 })
  return fc
    .record({
      settings: law.settings as fc.Arbitrary<unknown>,
      partitions: fc.constantFrom(1, 1, 1, 2, 3),
      delivery: fc.constantFrom('at-least-once' as const, 'exactly-once' as const),
      disk: fc.boolean(),
      fetchBytes: fc.constantFrom(1, 1_048_576),
      steps: fc.array(stepOf(drafts), { minLength: 1, maxLength: 10 }),
    })
    .map(({ steps, ...history }) => ({ ...history, steps: writtenOut(law, history.settings, steps) }))
}

const writtenOut = (law: AnyLaw, settings: unknown, steps: readonly DraftStep[]): readonly Step[] => {
  const { from, step: ms } = law.times?.(settings) ?? { from: 0, step: 1 }
  let [now, count] = [0, 0]
  const sentOf = (drafts: readonly Draft[]): readonly Sent[] =>
    drafts.map(({ to, key, word, value, move }) => {
      const time = Math.max(0, now + move)
      now = Math.max(now, time)
      const name = law.inputs[to]?.name ?? ''
      const keys = law.keys?.[name] ?? ['a', 'b', 'c', 'd']
      const isKeyless = key % 16 < (law.nulls?.keys ?? 1)
      const isNull = value < (law.nulls?.values ?? 1)
      const words = law.words ?? ['']
      return {
        to: name,
        key: isKeyless ? null : (keys[(key >> 4) % keys.length] ?? null),
        value: isNull ? null : `${words[word % words.length] ?? ''}${count++}`,
        time: from + time * ms,
      }
    })
  return steps.map((step): Step => {
    if (!('drafts' in step)) return step
    const sent = sentOf(step.drafts)
    return step._tag === 'send' ? { _tag: 'send', sent } : { _tag: 'crash amid', sent, turns: step.turns }
  })
}

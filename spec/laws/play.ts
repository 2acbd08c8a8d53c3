import { partitionOf } from '../../lib/core/murmur2.js'
import { testContext, type TestContext } from '../../lib/testing/index.js'
import type { History, Step } from './history.js'
import type { AnyLaw, Result, Sent } from './law.js'
import { interleaved, rowsAgree } from './judge.js'

/** Plays a history on `testContext`, and holds what comes out, step by step, against the reference of the law. Throws what differs. */
export const play = async (law: AnyLaw, history: History): Promise<void> => {
  const { settings, partitions, delivery, disk, fetchBytes } = history
  await using t = await testContext((app) => law.define({ settings, app }), {
    partitions,
    delivery,
    tuning: { fetchBytes },
    ...(!disk && { stateDir: ':memory:' }),
    now: 4_000_000_000_000,
  })
  const expected = expectationOf(law, history)
  const crashes = crashesAmid(law, history)
  for (const [at, step] of history.steps.entries()) {
    if (!('sent' in step)) {
      if (step._tag === 'members') await t.scale(step.count)
      else await t[step._tag]()
      must(`step ${at}, ${step._tag}`, read(t, law).length === 0 ? null : 'results without input')
      continue
    }
    const [first, rest] = inTurns(law, step.sent)
    if (first.length > 0) {
      await write(t, law, first)
      await t.commit()
    }
    await write(t, law, rest)
    if (step._tag === 'crash amid' && crashes.has(step)) {
      for (let turn = 0; turn < step.turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      await t.crash()
    } else await t.commit()
    must(`step ${at}, ${step._tag}`, expected(at, read(t, law), crashes.has(step) && delivery === 'at-least-once'))
  }
}

const must = (where: string, difference: string | null): void => {
  if (difference !== null) throw new Error(`${where}: ${difference}`)
}

/** The steps in which a crash is due, and may be: at least once, what was not committed counts again unless the disk stays with the task. */
const crashesAmid = ({ isRepartitioned = false }: AnyLaw, { delivery, disk, steps }: History): ReadonlySet<Step> => {
  const found = new Set<Step>()
  let members = 1
  for (const step of steps) {
    if (step._tag === 'members') members = step.count
    if (step._tag === 'crash amid' && (delivery === 'exactly-once' || (disk && members === 1 && !isRepartitioned))) found.add(step)
  }
  return found
}

/** What every partition has, then what is in one. */
const inTurns = ({ everywhere }: AnyLaw, sent: readonly Sent[]): readonly [readonly Sent[], readonly Sent[]] => [
  sent.filter(({ to }) => to === everywhere),
  sent.filter(({ to }) => to !== everywhere),
]

/** Written in one turn of the event loop: in one record batch per partition, and all there before any of it is read. */
const write = async (t: TestContext, law: AnyLaw, sent: readonly Sent[]): Promise<void> => {
  const topics = new Map(law.inputs.map((topic) => [topic.name, topic]))
  await Promise.all(
    sent.map(({ to, key, value, time }) => {
      const topic = topics.get(to)
      if (topic === undefined) throw new Error(`the law ${law.name} has no input ${to}`)
      return t.app.send(topic, key, value, { timestamp: time })
    }),
  )
}

const read = (t: TestContext, law: AnyLaw): readonly Result[] =>
  law.outputs.flatMap((topic) =>
    t
      .output(topic)
      .read()
      .map(({ key, value, timestamp }): Result => [topic.name, law.keyOf ? law.keyOf(key as never) : key, value, timestamp]),
  )

type Expectation = (step: number, actual: readonly Result[], mayRepeat: boolean) => string | null

const expectationOf = (law: AnyLaw, history: History): Expectation => {
  const { judge } = law
  if (judge.kind === 'rows') {
    const rows = new Map<unknown, unknown>()
    const written = (until: number) => history.steps.slice(0, until + 1).flatMap((step) => ('sent' in step ? step.sent : []))
    return (step, actual, mayRepeat) => rowsAgree(rows, actual, judge.reference(history.settings, written(step)), mayRepeat)
  }
  const byPartition = takenBy(law, history).map((steps, partition) => {
    const results = judge.reference(history.settings, steps.flat(), { partition, partitions: history.partitions })
    let from = 0
    return steps.map((taken) => results.slice(from, (from += taken.length)).flat())
  })
  return (step, actual, mayRepeat) =>
    law.outputs
      .map(({ name }) => {
        const of = (results: readonly Result[]) => results.filter(([out]) => out === name)
        return interleaved(
          byPartition.map((steps) => of(steps[step] ?? [])),
          of(actual),
          mayRepeat,
        )
      })
      .find((difference) => difference !== null) ?? null
}

/** For each partition and step: what is taken, in order of event time as the inputs are merged. */
const takenBy = (law: AnyLaw, history: History): readonly (readonly (readonly Sent[])[])[] => {
  const { partitions, steps } = history
  const partition = partitioning(law, partitions)
  const crashes = crashesAmid(law, history)
  const placed = steps.map((step) => {
    const sent =
      'sent' in step
        ? inTurns(law, step.sent)
            .flat()
            .map((one) => ({ sent: one, partition: partition.of(one) }))
        : []
    if (crashes.has(step) || !('sent' in step || step._tag === 'members')) partition.startOver()
    return sent
  })
  return Array.from({ length: partitions }, (_, p) =>
    placed.map((all) =>
      merged(
        law,
        all.filter((one) => one.partition === p || one.partition === null).map(({ sent }) => sent),
      ),
    ),
  )
}

/** As `send` places records: those without a key in turn, from the first partition on in each app. */
const partitioning = ({ everywhere }: AnyLaw, partitions: number) => {
  let round = 0
  const placed = (key: string | null): number => (key === null ? round++ % partitions : partitionOf(Buffer.from(key), partitions))
  return {
    /** Null: every partition has it. */
    of: ({ to, key }: Sent): number | null => {
      const partition = placed(key)
      return to === everywhere ? null : partition
    },
    startOver: () => void (round = 0),
  }
}

/** Of the inputs' next records the one with the smallest time, of equals that of the input declared first. */
export const merged = (law: AnyLaw, sent: readonly Sent[]): readonly Sent[] => {
  const queues = law.inputs.filter(({ name }) => name !== law.everywhere).map(({ name }) => sent.filter(({ to }) => to === name))
  const taken = sent.filter(({ to }) => to === law.everywhere)
  while (taken.length < sent.length) {
    const heads = queues.filter((queue) => queue.length > 0)
    const oldest = Math.min(...heads.map(([head]) => head?.time ?? Infinity))
    const next = heads.find(([head]) => head?.time === oldest)?.shift()
    if (next) taken.push(next)
  }
  return taken
}

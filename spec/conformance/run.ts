import { isDeepStrictEqual } from 'node:util'
import { policy } from '../../lib/index.js'
import { testContext } from '../../lib/testing/index.js'
import type { Case, Result } from './case.js'
import type { Pipeline } from './pipelines.js'

/** What came out, input by input. */
type Steps = readonly (readonly Result[])[]

/** Sends the inputs one by one; gives what differs, in words, or nothing. */
export const run = async (given: Case, pipeline: Pipeline): Promise<readonly string[]> => {
  await using t = await testContext(pipeline.define, { partitions: 1, onError: policy.fail, now: 4_000_000_000_000 })
  const outputs = Object.entries(pipeline.outputs)
  const actual = new Map(outputs.map(([name]): [string, Result[][]] => [name, []]))
  for (const [side, key, value, timestamp] of given.input) {
    const topic = pipeline.inputs[side]
    // An input that is not part of the pipeline: a table nobody has written to, of which the case has no record either.
    if (topic === undefined) throw new Error(`the pipeline has no input ${side}`)
    await t.input(topic).send(key, value, timestamp)
    for (const [name, out] of outputs)
      actual.get(name)?.push(
        t
          .output(out)
          .read()
          .map(({ key: found, value, timestamp }): Result => [found, value, timestamp]),
      )
  }
  return outputs.flatMap(([name]) => {
    const expected = stepsOf(given, name)
    // Of the other nodes only the results were recorded with care, not their order within a step.
    const compare = name === 'expected' ? given.compare : 'unordered-within-step'
    return expected === null || isSame(expected, actual.get(name) ?? [], compare)
      ? []
      : [difference(name, expected, actual.get(name) ?? [], compare)]
  })
}

const stepsOf = (given: Case, name: string): Steps | null => {
  const [results, after] = name === 'expected' ? [given.expected, given.expected_after] : [given.expected_raw, given.expected_raw_after]
  if (results === undefined || after === undefined) return null
  return given.input.map((_, step) => results.filter((_, i) => after[i] === step))
}

const difference = (name: string, expected: Steps, actual: Steps, compare: Case['compare']): string => {
  const step = expected.findIndex((results, i) => !isSame([results], [actual[i] ?? []], compare))
  return `${name}, after input ${step}: expected ${JSON.stringify(expected[step])}, actual ${JSON.stringify(actual[step])}`
}

const isSame = (expected: Steps, actual: Steps, compare: Case['compare']): boolean => {
  const view = views[compare]
  return isDeepStrictEqual(expected.map(view), actual.map(view))
}

const sorted = (results: readonly Result[]): readonly string[] => results.map((result) => JSON.stringify(result)).sort()
const views: Readonly<Record<Case['compare'], (results: readonly Result[]) => unknown>> = {
  ordered: (results) => results.map((result) => JSON.stringify(result)),
  'unordered-within-step': sorted,
  'last-per-key-per-step': (results) => sorted([...new Map(results.map((result) => [JSON.stringify(result[0]), result])).values()]),
}

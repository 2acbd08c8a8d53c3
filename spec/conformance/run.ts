import { MillraceError, policy } from '../../lib/index.js'
import { testContext } from '../../lib/testing/index.js'
import type { Case, Compare, Recorded, Result, Steps } from './case.js'
import type { Pipeline } from './pipelines.js'

/** What came out, by the names of the case. */
export type Outputs = Readonly<Record<string, Steps>>

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
/** Far enough that no case is ahead of it. */
const now = 1e15

/** Sends the inputs one by one, and reads all outputs after each. What is asked to fail when it is full does, and nothing comes after. */
export const run = async ({ config, input }: Case, pipeline: Pipeline): Promise<Outputs> => {
  await using t = await testContext(pipeline.define, { partitions: 1, onError: policy.fail, now, logger: silent })
  const outputs = Object.entries(pipeline.outputs)
  const actual = new Map(outputs.map(([name]): [string, Result[][]] => [name, input.map(() => [])]))
  for (const [step, [side, key, value, timestamp]] of input.entries()) {
    const topic = pipeline.inputs[side]
    if (topic === undefined) throw new Error(`the pipeline has no input ${side}, only ${Object.keys(pipeline.inputs).join(', ')}`)
    try {
      await t.input(topic).send(key, value, timestamp)
    } catch (error) {
      if (mayStop(config) && error instanceof MillraceError && ['MR_SUPPRESS_FULL', 'MR_WINDOWS_FULL'].includes(error.code)) break
      throw error
    }
    for (const [name, out] of outputs)
      for (const record of t.output(out).read()) actual.get(name)?.[step]?.push([record.key, record.value, record.timestamp])
  }
  return Object.fromEntries(actual)
}

const mayStop = (config: Case['config']): boolean =>
  [config.suppress, config.suppressBefore, config.suppressLeft, config.suppressRight].some(
    (suppress) => typeof suppress?.buffer === 'object' && suppress.buffer.whenFull === 'shutDown',
  )

/** What was recorded, input by input; all in one step if nobody knows after which. */
export const stepsOf = ({ results, after }: Recorded, inputs: number): Steps =>
  after === null ? [results] : Array.from({ length: inputs }, (_, step) => results.filter((_result, i) => after[i] === step))

/** The first step that differs, in words; null if there is none. */
export const difference = (name: string, expected: Steps, found: Steps, compare: Compare): string | null => {
  const actual = expected.length === found.length ? found : [found.flat()]
  const view = views[compare]
  const step = expected.findIndex((results, i) => view(results).join() !== view(actual[i] ?? []).join())
  return step < 0
    ? null
    : `${name}, after input ${step}: expected ${JSON.stringify(expected[step])}, actual ${JSON.stringify(actual[step])}`
}

/** One text for equal things, in whatever order their fields come. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )

const views: Readonly<Record<Compare, (results: readonly Result[]) => readonly string[]>> = {
  ordered: (results) => results.map(canonical),
  'unordered-within-step': (results) => results.map(canonical).sort(),
  'last-per-key-per-step': (results) => [...new Map(results.map((result) => [canonical(result[0]), canonical(result)])).values()].sort(),
}

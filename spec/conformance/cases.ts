import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCase, type Case, type Compare } from './case.js'
import { deviations, type Deviation } from './deviations.js'
import { pipelineOf } from './pipelines.js'
import { difference, run, stepsOf, type Outputs } from './run.js'

export interface NamedCase {
  readonly name: string
  /** As the file has it. */
  readonly given: unknown
}

/** Every case of every file of CONFORMANCE_DIR, by default those beside this file; a file that holds none is one that fails. */
export const readCases = (folder = process.env['CONFORMANCE_DIR'] ?? join(__dirname, 'cases')): readonly NamedCase[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .flatMap((file) => casesOf(file, readFileSync(join(folder, file), 'utf8')))

const casesOf = (file: string, text: string): readonly NamedCase[] => {
  try {
    const { family, cases } = JSON.parse(text) as { readonly family?: string; readonly cases: readonly { readonly case?: string }[] }
    return cases.map((given, i) => ({ name: `${family ?? file}: ${given.case ?? `case ${i}`}`, given }))
  } catch (error) {
    return [{ name: file, given: `the file cannot be read: ${messageOf(error)}` }]
  }
}

export interface Verdict {
  readonly outcome: 'passed' | 'declared' | 'failed'
  /** What differs, expected and actual; empty when nothing does. */
  readonly difference: string
  /** By which it may differ, when it does. */
  readonly rules: readonly string[]
}

/** Never throws: what cannot be read, built or run has failed. */
export const judge = async (json: unknown): Promise<Verdict> => {
  try {
    if (typeof json === 'string') throw new Error(json)
    return await verdictOf(readCase(json))
  } catch (error) {
    return { outcome: 'failed', difference: messageOf(error), rules: [] }
  }
}

const verdictOf = async (given: Case): Promise<Verdict> => {
  const actual = await run(given, pipelineOf(given))
  const differs = differencesOf(given, actual, [])
  if (differs === '') return { outcome: 'passed', difference: '', rules: [] }
  const touching = deviations.filter(({ touches }) => touches(given))
  const asIf = touching.reduce((input, { asIf }) => asIf?.(input) ?? input, given)
  const more = asIf === given ? touching : deviations.filter((rule) => touching.includes(rule) || rule.touches(asIf))
  const left = differencesOf(asIf, asIf === given ? actual : await run(asIf, pipelineOf(asIf)), more)
  const rules = more.filter((rule) => isNeeded(rule, asIf === given, given, actual, more)).map(({ rule }) => rule)
  if (left === '') return { outcome: 'declared', difference: differs, rules }
  const unknown = given.unknown.length === 0 ? '' : ` (its config says ${given.unknown.join(', ')}, which the runner does not know)`
  return { outcome: 'failed', difference: left + unknown, rules: [] }
}

/** Whether the case would differ without it; where several excuse the same, all of them. */
const isNeeded = (rule: Deviation, isAsGiven: boolean, given: Case, actual: Outputs, all: readonly Deviation[]): boolean =>
  all.length === 1 ||
  !isAsGiven ||
  differencesOf(
    given,
    actual,
    all.filter((other) => other !== rule),
  ) !== ''

/** All that differs once the rules have taken out what they excuse. */
const differencesOf = (given: Case, actual: Outputs, rules: readonly Deviation[]): string =>
  Object.entries(given.expected)
    .flatMap(([name, recorded]) => {
      const found = actual[name]
      if (found === undefined) return [`the pipeline has no output ${name}, only ${Object.keys(actual).join(', ')}`]
      const expected = stepsOf(recorded, given.input.length)
      const both = rules.reduce((pair, { forgive }) => forgive?.(pair, given, name) ?? pair, { expected, actual: found })
      return difference(name, both.expected, both.actual, compareOf(given, name)) ?? []
    })
    .join('; ')

/** Of the other nodes only the results were recorded with care, not their order within a step. */
const compareOf = ({ compare }: Case, name: string): Compare =>
  name !== 'expected' && compare === 'ordered' ? 'unordered-within-step' : compare

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ')

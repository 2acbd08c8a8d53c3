import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './case.js'
import { deviations } from './deviations.js'
import { pipelineOf } from './pipelines.js'
import { run } from './run.js'

export interface NamedCase {
  readonly name: string
  readonly given: Case
}

/** Every case of every file of CONFORMANCE_DIR, by default those beside this file. */
export const readCases = (): readonly NamedCase[] => {
  const folder = process.env['CONFORMANCE_DIR'] ?? join(__dirname, 'cases')
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      const { family, cases } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        readonly family: string
        readonly cases: readonly Case[]
      }
      return cases.map((given) => ({ name: `${family}: ${given.case}`, given }))
    })
}

export interface Verdict {
  readonly differences: readonly string[]
  /** By which it may differ, when it does. */
  readonly rules: readonly string[]
}

export const judge = async (given: Case): Promise<Verdict> => {
  const pipeline = pipelineOf(given.config)
  const differences = pipeline === null ? [`no verb of ours says ${given.config.op}`] : await run(given, pipeline)
  const rules = differences.length === 0 ? [] : deviations.filter(({ touches }) => touches(given)).map(({ rule }) => rule)
  return { differences, rules }
}

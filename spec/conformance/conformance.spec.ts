import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './case.js'
import { deviations } from './deviations.js'
import { pipelineOf } from './pipelines.js'
import { run } from './run.js'

const folder = process.env['CONFORMANCE_DIR'] ?? join(__dirname, 'cases')
const cases = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .flatMap((file) => {
    const { family, cases } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      readonly family: string
      readonly cases: readonly Case[]
    }
    return cases.map((given) => ({ name: `${family}: ${given.case}`, given, pipeline: pipelineOf(given.config) }))
  })

describe('Kafka Streams and we', () => {
  /** Cases that differ, and the rule by which they may. */
  const declared: string[] = []

  it.each(cases.filter(({ pipeline }) => pipeline !== null))('agree: $name', async ({ name, given, pipeline }) => {
    const differences = pipeline === null ? [] : await run(given, pipeline)
    const rules = differences.length === 0 ? [] : deviations.filter(({ touches }) => touches(given)).map(({ rule }) => rule)
    declared.push(...rules.map((rule) => `${name}: ${rule}`))

    expect(rules.length > 0 ? [] : differences).toEqual([])
  })

  it('differ in few cases, each by a rule', () => {
    expect(declared.length).toBeLessThanOrEqual(cases.length / 8)
  })
})

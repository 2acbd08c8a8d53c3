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
const declared = (given: Case): boolean => deviations.some(({ touches }) => touches(given))

describe('Kafka Streams and we', () => {
  it.each(cases.filter(({ given, pipeline }) => pipeline !== null && !declared(given)))('agree: $name', async ({ given, pipeline }) => {
    expect(pipeline && (await run(given, pipeline))).toEqual([])
  })

  it('differ in few cases, each by a rule', () => {
    expect(cases.filter(({ given }) => declared(given)).length).toBeLessThan(cases.length / 8)
  })
})

import { judge, readCases } from './cases.js'
import { deviations } from './deviations.js'

describe('Kafka Streams and we', () => {
  const used = new Set<string>()

  it.each(readCases())('agree, or differ by a rule: $name', async ({ given }) => {
    const { outcome, difference, rules } = await judge(given)
    rules.forEach((rule) => used.add(rule))

    expect(outcome === 'failed' ? difference : '').toBe('')
  })

  it('differ by no rule that has no case', () => {
    expect(deviations.map(({ rule }) => rule).filter((rule) => !used.has(rule))).toEqual([])
  })
})

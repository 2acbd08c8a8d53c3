import { judge, readCases } from './cases.js'

const cases = readCases()

describe('Kafka Streams and we', () => {
  /** Cases that differ, and the rule by which they may. */
  const declared: string[] = []

  it.each(cases)('agree: $name', async ({ name, given }) => {
    const { differences, rules } = await judge(given)
    declared.push(...rules.map((rule) => `${name}: ${rule}`))

    expect(rules.length > 0 ? [] : differences).toEqual([])
  })

  it('differ in few cases, each by a rule', () => {
    expect(declared.length).toBeLessThanOrEqual(cases.length / 8)
  })
})

/** `CONFORMANCE_DIR=folder npm run conformance`: a line per case that differs, and the count. */
import { judge, readCases } from './cases.js'

const main = async (): Promise<void> => {
  const count = { passed: 0, failed: 0, declared: 0 }
  for (const { name, given } of readCases()) {
    const { differences, rules } = await judge(given).catch((error: unknown) => ({ differences: [String(error)], rules: [] }))
    if (differences.length === 0) count.passed++
    else if (rules.length > 0) count.declared++
    else count.failed++
    for (const difference of differences)
      console.log(`${rules.length > 0 ? 'declared' : 'differs'}: ${name}: ${difference} ${rules.join('; ')}`)
  }
  console.log(`${count.declared} differ by a rule`)
  console.log(`${count.passed} passed, ${count.failed} failed`)
  process.exitCode = count.failed === 0 ? 0 : 1
}
main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})

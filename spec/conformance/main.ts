/** `CONFORMANCE_DIR=folder npm run conformance`: a line per case that differs, and the count. */
import { judge, readCases } from './cases.js'

const main = async (): Promise<void> => {
  const count = { passed: 0, failed: 0, declared: 0 }
  for (const { name, given } of readCases()) {
    const { outcome, difference, rules } = await judge(given)
    count[outcome]++
    if (outcome === 'failed') console.log(`differs: ${name}: ${difference}`)
    if (outcome === 'declared') console.log(`differs by a rule: ${name}: ${difference} (${rules.join('; ')})`)
  }
  console.log(`${count.declared} differ by a rule`)
  console.log(`${count.passed} passed, ${count.failed} failed`)
  process.exitCode = count.failed === 0 ? 0 : 1
}
main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})

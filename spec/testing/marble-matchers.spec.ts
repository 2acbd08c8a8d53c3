import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { marbleMatchers, testContext, type MarbleAssertions } from '../../lib/testing/index.js'
import { clicks, countClicks, counts, names } from './clicks.js'

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- how a matcher is declared
  namespace jest {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- the same
    interface Matchers<R> extends MarbleAssertions<R> {}
  }
}
expect.extend(marbleMatchers)

const bothDiagrams = 'expected  --A--B\nactual    --A-B'

describe('the matcher of marbles', () => {
  it('agrees, and shows both diagrams where it does not, in jest', async () => {
    const written = async () => {
      const t = await testContext(countClicks, { partitions: 1 })
      await t.input(clicks).marbles('a-a-b 20ms a', { a: ['ada', 'x'], b: ['bob', 'x'] })
      await t[Symbol.asyncDispose]()
      return t.output(counts)
    }
    const [one, two, three] = [await written(), await written(), await written()]

    expect(one).toMatchMarbles('--A-B', names)
    expect(two).not.toMatchMarbles('--A--B', names)
    expect(() => expect(three).toMatchMarbles('--A--B', names)).toThrow(bothDiagrams)
  })

  it('does the same in vitest', async () => {
    const root = join(__dirname, '../..')
    const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--dir', join(__dirname, 'vitest'), '--reporter', 'json']
    const printed = await new Promise<string>((resolve) =>
      execFile(process.execPath, args, { cwd: root, env: { ...process.env, NODE_OPTIONS: '' } }, (_, stdout) => resolve(stdout)),
    )
    const { testResults } = JSON.parse(printed) as { testResults: { assertionResults: { title: string; failureMessages: string[] }[] }[] }
    const found = Object.fromEntries(
      testResults.flatMap(({ assertionResults }) => assertionResults.map((one) => [one.title, one.failureMessages])),
    )

    expect(found).toEqual({ agrees: [], differs: [expect.stringContaining(bothDiagrams)] })
  }, 60_000)
})

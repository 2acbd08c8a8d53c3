import { expect, it } from 'vitest'
import { marbleMatchers, testContext, type MarbleAssertions } from '../../../lib/testing/index.js'
import { clicks, countClicks, counts, names } from '../clicks.js'

declare module 'vitest' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- how a matcher is declared
  interface Matchers<T> extends MarbleAssertions<T> {}
}
expect.extend(marbleMatchers)

/** Run by `marble-matchers.spec.ts`, which expects the second one to fail. */
const diagrams = [
  ['agrees', '--A-B'],
  ['differs', '--A--B'],
] as const
it.each(diagrams)('%s', async (_, diagram) => {
  await using t = await testContext(countClicks, { partitions: 1 })
  await t.input(clicks).marbles('a-a-b 20ms a', { a: ['ada', 'x'], b: ['bob', 'x'] })

  expect(t.output(counts)).toMatchMarbles(diagram, names)
})

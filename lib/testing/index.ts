export { testContext } from './context.js'
export type { TestContext, TestOptions } from './context.js'
export type { TestInput } from './input.js'
export type { TestOutput } from './output.js'

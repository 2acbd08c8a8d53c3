/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/spec/**/*.spec.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] },
  moduleNameMapper: {
    '^millrace$': '<rootDir>/lib/index.ts',
    '^millrace/testing$': '<rootDir>/lib/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  globalSetup: '<rootDir>/spec/support/kafka/global-setup.cjs',
  globalTeardown: '<rootDir>/spec/support/kafka/global-teardown.cjs',
  // The specs start brokers and processes of their own: one at a time leaves them a core.
  maxWorkers: 1,
  // In a process of its own, and a new one when it has grown: Jest keeps what each spec has loaded, and the last ones took five times as long.
  workerIdleMemoryLimit: '400MB',
}

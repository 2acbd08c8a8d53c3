// @ts-check
import jest from 'eslint-plugin-jest'
import jsdoc from 'eslint-plugin-jsdoc'
import tseslint from 'typescript-eslint'

const code = ['lib/**/*.ts', 'spec/**/*.ts', 'benchmarks/**/*.ts', 'examples/**/*.ts']

/** Spelling of imports. Who may import what at all is dependency-cruiser's business, except for these two doors. */
const spelling = [
  { regex: '^fp-ts(?!/lib/\\w+[.]js$)', message: `Write 'fp-ts/lib/X.js': the one path that CommonJS and ESM users share.` },
  { regex: '^rxjs/(?!testing$)', message: `Import from 'rxjs'.` },
]
const doors = {
  kafkajs: { regex: '^kafkajs(/|$)', message: 'kafkajs is known in lib/transport/kafkajs only.' },
  lmdb: { regex: '^lmdb(/|$)', message: 'lmdb is known in lib/state/lmdb.ts and lib/transport/embedded only.' },
}
/** What reads the wall clock beneath; a Clock is handed in instead, so that tests own the time. */
const timedOperators = [
  ...['interval', 'timer', 'delay', 'delayWhen', 'timeout', 'timeoutWith', 'timeInterval', 'timestamp', 'debounceTime', 'throttleTime'],
  ...['auditTime', 'sampleTime', 'bufferTime', 'windowTime', 'asyncScheduler', 'asapScheduler', 'animationFrameScheduler'],
]
/** @param {...{ regex: string, message: string }} closed */
const imports = (...closed) => [
  'error',
  {
    paths: [
      { name: 'rxjs', importNames: timedOperators, message: 'It makes timers of its own: ask the Clock.' },
      ...['timers', 'node:timers', 'timers/promises', 'node:timers/promises'].map((name) => ({ name, message: 'Ask the Clock.' })),
    ],
    patterns: [...spelling, ...closed],
  },
]
const timers = ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval']

export default tseslint.config(
  { ignores: ['dist/', '.bench/', 'coverage/', 'node_modules/', 'docs/api/', '.millrace/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,js,cjs,mjs}'],
    extends: [tseslint.configs.recommended],
    rules: {
      eqeqeq: ['error', 'always'],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-unreachable-loop': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-self-compare': 'error',
      'no-constructor-return': 'error',
      'no-restricted-imports': ['error', { patterns: spelling }],
    },
  },
  { files: ['**/*.{js,cjs}'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    files: code,
    ignores: ['examples/**'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { prefer: 'type-imports', fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { boolean: true, string: true } }],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowNullish: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // The plan erases record types (AnyRec): these would fire on every verb. no-explicit-any keeps `any` itself rare.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // Ports are interfaces of methods, implemented by frozen objects that never look at `this`.
      '@typescript-eslint/unbound-method': 'off',
      // ':memory:' | string says more than string.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      // A port's method may be async by contract and have nothing to await.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['lib/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 350 }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'no-restricted-imports': imports(doors.kafkajs, doors.lmdb),
      'no-restricted-globals': ['error', ...timers.map((name) => ({ name, message: 'Ask the Clock.' }))],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Ask the Clock.' },
        { object: 'performance', property: 'now', message: 'Ask the Clock.' },
        { object: 'AbortSignal', property: 'timeout', message: 'Ask the Clock.' },
        ...timers.map((property) => ({ object: 'globalThis', property, message: 'Ask the Clock.' })),
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Ask the Clock.' },
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        { selector: 'TSEnumDeclaration', message: 'Write a union of literals.' },
      ],
    },
  },
  { files: ['lib/dsl/surface.ts'], rules: { 'max-lines': 'off' } },
  { files: ['lib/transport/kafkajs/**'], rules: { 'no-restricted-imports': imports(doors.lmdb) } },
  { files: ['lib/state/lmdb.ts', 'lib/transport/embedded/**'], rules: { 'no-restricted-imports': imports(doors.kafkajs) } },
  {
    files: ['lib/core/clock.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off', 'no-restricted-syntax': 'off' },
  },
  {
    // Every verb of the surface is documented, and every overload: an editor shows the doc of the one that was chosen. What the index exports is checked by typedoc.
    files: ['lib/dsl/surface.ts'],
    plugins: { jsdoc },
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: true },
          contexts: [
            'TSInterfaceDeclaration',
            'TSTypeAliasDeclaration',
            'TSInterfaceDeclaration[id.name!="Logger"] TSMethodSignature',
            'TSDeclareFunction',
          ],
          exemptOverloadedImplementations: true,
          checkConstructors: false,
        },
      ],
      'jsdoc/require-description': 'error',
    },
  },
  {
    // spec/support may wrap describe and skip: it says why, aloud.
    files: ['spec/**/*.spec.ts'],
    plugins: { jest },
    languageOptions: { globals: jest.environments.globals.globals },
    rules: {
      'jest/no-focused-tests': 'error',
      'jest/no-disabled-tests': 'error',
      'jest/no-identical-title': 'error',
      'jest/no-conditional-expect': 'error',
      'jest/valid-expect': 'error',
      'jest/valid-expect-in-promise': 'error',
      'jest/valid-describe-callback': 'error',
      'jest/no-done-callback': 'error',
      'jest/valid-title': ['error', { mustNotMatch: { it: ['^should\\b', 'State a fact: "drops ...", not "should drop ..."'] } }],
    },
  },
  {
    // Laid out to be read: a value is shown by naming it.
    files: ['examples/*.ts'],
    rules: { '@typescript-eslint/no-unused-vars': 'off', '@typescript-eslint/no-unused-expressions': 'off' },
  },
  { files: ['spec/**/*.types.ts'], rules: { '@typescript-eslint/no-unused-vars': 'off' } },
)

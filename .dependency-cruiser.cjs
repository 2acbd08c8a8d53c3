/**
 * The layers, lowest first: a file imports only from its own folder or from an earlier line.
 * Folders on one line never import each other.
 */
const layers = [
  ['core'],
  ['transport', 'state'],
  ['topology'],
  ['operators'],
  ['window'],
  ['table'],
  ['join'],
  ['dsl'],
  ['runtime'],
  ['testing', 'web', 'cli'],
]

const layerRules = layers.flatMap((folders, height) =>
  folders.map((folder) => {
    const allowed = [folder, ...layers.slice(0, height).flat()]
    return {
      name: `layer-${folder}`,
      comment: `lib/${folder} may import only from: ${allowed.join(', ')}. What it needs from above it declares as a port and is handed.`,
      severity: 'error',
      from: { path: `^lib/${folder}/` },
      to: { path: '^lib/', pathNot: `^lib/(${allowed.join('|')})/` },
    }
  }),
)

/** The only places in `lib` that may know a third-party package. */
const doors = {
  kafkajs: '^lib/transport/kafkajs/',
  lmdb: '^lib/(state/lmdb[.]ts$|transport/embedded/)',
  '(snappy|lz4-napi|@toondepauw/node-zstd)': '^lib/transport/batch/codecs[.]ts$',
  '@node-rs/crc32': '^lib/transport/batch/crc32c[.]ts$',
}

const doorRules = Object.entries(doors).map(([name, door]) => ({
  name: `door-${name}`,
  comment: `${name} is known in one place only: ${door}`,
  severity: 'error',
  from: { path: '^lib/', pathNot: door },
  to: { path: `(^|/)node_modules/${name}/` },
}))

/** What users and the shell reach; everything else must be reachable from here. */
const entries = '^lib/(index|testing/index|cli/main)[.]ts$'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    ...doorRules,
    {
      name: 'transports-apart',
      comment: 'The two transports share the port, the batch format and the assignor, never each other.',
      severity: 'error',
      from: { path: '^lib/transport/(embedded|kafkajs)/' },
      to: { path: '^lib/transport/(embedded|kafkajs)/', pathNot: '^lib/transport/$1/' },
    },
    {
      name: 'transport-shared-is-neutral',
      comment: 'What both transports share knows neither of them.',
      severity: 'error',
      from: { path: '^lib/transport/', pathNot: '^lib/transport/(embedded|kafkajs)/' },
      to: { path: '^lib/transport/(embedded|kafkajs)/' },
    },
    {
      name: 'no-circular',
      comment: 'No circles, not even of types: move what both sides need to the lower of them.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { circular: true },
    },
    {
      name: 'nobody-imports-the-index',
      comment: 'lib/index.ts is a table of contents; import from the file that owns the thing.',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/(testing|web|cli)/index[.]ts$' },
      to: { path: '^lib/index[.]ts$' },
    },
    {
      name: 'lib-stands-alone',
      comment: 'What is published may not need what is not.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(spec|benchmarks|examples)/' },
    },
    {
      name: 'no-dev-dependency',
      comment: 'The package would not find it once installed.',
      severity: 'error',
      from: { path: '^lib/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        // rxjs is both: a peer for the user, a dev dependency for our specs
        dependencyTypesNot: ['npm', 'npm-peer', 'npm-optional'],
        pathNot: 'node_modules/@types/',
      },
    },
    {
      name: 'no-unresolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dead-file',
      comment: 'No entry of the package reaches this file.',
      severity: 'error',
      from: { path: entries },
      to: { path: '^lib/', pathNot: entries, reachable: false },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
}

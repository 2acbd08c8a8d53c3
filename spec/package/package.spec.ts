import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { execPath } from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = resolve(__dirname, '../..')
const tsc = join(root, 'node_modules/typescript/bin/tsc')

interface Manifest {
  readonly files: readonly string[]
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** What `npm publish` would send, built from the sources as they are, without touching the checkout's own `dist`. */
const packed = async (
  work: string,
): Promise<{ readonly tarball: string; readonly files: readonly string[]; readonly manifest: Manifest }> => {
  const stage = join(work, 'stage')
  await mkdir(stage)
  for (const file of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) await cp(join(root, file), join(stage, file))
  await run(execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(stage, 'dist')])
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', work], { cwd: stage })
  const [report] = JSON.parse(stdout) as [{ readonly filename: string; readonly files: readonly { readonly path: string }[] }]
  const manifest = JSON.parse(await readFile(join(stage, 'package.json'), 'utf8')) as Manifest
  return { tarball: join(work, report.filename), files: report.files.map((file) => file.path), manifest }
}

/** A project that has installed the tarball and nothing but what the package itself asks for. */
const installed = async (work: string, tarball: string, names: readonly string[]): Promise<string> => {
  const consumer = join(work, 'consumer')
  const modules = join(consumer, 'node_modules')
  await mkdir(join(modules, 'millrace'), { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', join(modules, 'millrace'), '--strip-components=1'])
  for (const name of [...names, '@types/node']) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
  return consumer
}

describe('the package', () => {
  let work: string
  let consumer: string
  let files: readonly string[]
  const node = async (file: string, text: string): Promise<unknown> => {
    await writeFile(join(consumer, file), text)
    const { stdout } = await run(execPath, [file], { cwd: consumer })
    return JSON.parse(stdout)
  }

  beforeAll(async () => {
    work = await realpath(await mkdtemp(join(tmpdir(), 'millrace-package-')))
    const { tarball, files: contents, manifest } = await packed(work)
    files = contents
    consumer = await installed(work, tarball, [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)])
  }, 120_000)
  afterAll(() => rm(work, { recursive: true, force: true }))

  it('carries the built library, its types and its papers, and nothing else', () => {
    const papers = files.filter((file) => !file.startsWith('dist/'))
    const strangers = files.filter((file) => file.startsWith('dist/') && !/\.(js|d\.ts)$/.test(file))

    expect(papers.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
    expect(strangers).toEqual([])
    expect(files).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/testing/index.js', 'dist/testing/index.d.ts']))
  })

  it('gives ESM users every name it gives CommonJS users', async () => {
    const missing = await node(
      'names.mjs',
      `import { createRequire } from 'node:module'
       const require = createRequire(import.meta.url)
       const missing = []
       for (const entry of ['millrace', 'millrace/testing']) {
         const names = Object.keys(await import(entry))
         missing.push(...Object.keys(require(entry)).filter((name) => !names.includes(name)))
       }
       console.log(JSON.stringify(missing))`,
    )

    expect(missing).toEqual([])
  })

  it('is imported by name', async () => {
    const seen = await node(
      'consumer.mjs',
      `import { codec, topic } from 'millrace'
       import { testContext } from 'millrace/testing'
       const orders = topic('orders', { key: codec.string, value: codec.json() })
       console.log(JSON.stringify([orders.name, codec.string.decode(codec.string.encode('to be')), typeof testContext]))`,
    )

    expect(seen).toEqual(['orders', 'to be', 'function'])
  })

  it('is required', async () => {
    const seen = await node(
      'consumer.cjs',
      `const { codec, topic } = require('millrace')
       const { testContext } = require('millrace/testing')
       const orders = topic('orders', { key: codec.string, value: codec.json() })
       console.log(JSON.stringify([orders.name, codec.string.decode(codec.string.encode('to be')), typeof testContext]))`,
    )

    expect(seen).toEqual(['orders', 'to be', 'function'])
  })

  it.each(['typed.mts', 'typed.cts'])(
    'is typed for %s under nodenext, its declarations included',
    async (file) => {
      await writeFile(
        join(consumer, file),
        `import { codec, topic } from 'millrace'
       import { testContext } from 'millrace/testing'
       const orders = topic('orders', { key: codec.string, value: codec.number })
       export const name: string = orders.name
       // @ts-expect-error a number codec does not take text
       codec.number.encode('one')
       export const started = testContext`,
      )
      const strict = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--skipLibCheck', 'false']

      const complaints = await run(execPath, [tsc, ...strict, file], { cwd: consumer }).then(
        () => '',
        (failed: { readonly stdout: string }) => failed.stdout,
      )

      expect(complaints).toBe('')
    },
    60_000,
  )

  it('compiles the examples as they are', async () => {
    const folder = join(consumer, 'examples')
    await mkdir(folder)
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await symlink(join(root, 'node_modules/zod'), join(consumer, 'node_modules/zod'))
    const examples = (await readdir(join(root, 'examples'))).filter((file) => file.endsWith('.ts'))
    for (const file of examples) await cp(join(root, 'examples', file), join(folder, file))
    const strict = [
      '--strict',
      '--noEmit',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      '--skipLibCheck',
      'true',
      '--exactOptionalPropertyTypes',
    ]

    const complaints = await run(execPath, [tsc, ...strict, ...examples.map((file) => join(folder, file))], { cwd: consumer }).then(
      () => '',
      (failed: { readonly stdout: string }) => failed.stdout,
    )

    expect(examples).toHaveLength(13)
    expect(complaints).toBe('')
  }, 60_000)
})

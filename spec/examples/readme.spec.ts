import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { program } from './run.js'

const root = resolve(__dirname, '../..')
const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? '')

/** A folder inside the checkout's reach: what is imported is the sources, as in the examples. */
const withBlocks = async (test: (folder: string, files: readonly string[]) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-readme-'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const paths = { millrace: [join(root, 'lib/index.ts')], 'millrace/testing': [join(root, 'lib/testing/index.ts')] }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { noUnusedLocals: false, types: ['node'], typeRoots: [join(root, 'node_modules/@types')], paths },
      include: ['*.ts'],
    }),
  )
  const files = blocks.map((code, i) => {
    writeFileSync(join(folder, `block-${i}.ts`), code)
    return join(folder, `block-${i}.ts`)
  })
  await test(folder, files).finally(() => rmSync(folder, { recursive: true, force: true }))
}

describe('the README', () => {
  it(
    'has code that compiles',
    () =>
      withBlocks(async (folder) => {
        const tsc = join(root, 'node_modules/typescript/bin/tsc')
        const complaints = await promisify(execFile)(process.execPath, [tsc, '-p', folder], { cwd: folder }).then(
          () => '',
          (failed: { readonly stdout: string }) => failed.stdout,
        )

        expect(blocks).toHaveLength(5)
        expect(complaints).toBe('')
      }),
    60_000,
  )

  it(
    'has code that does what it says',
    () =>
      withBlocks(async (folder, [wordCount = '', , , , testing = '']) => {
        const counted = await program(wordCount, folder).finished()
        const tested = await program(testing, folder).finished()

        expect(counted).toEqual({ code: 0, output: "{ _tag: 'Some', value: 2 }\n" })
        expect(tested).toEqual({ code: 0, output: '[ 1, 2 ]\n' })
      }),
    60_000,
  )
})

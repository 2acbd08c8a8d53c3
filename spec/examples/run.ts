import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = resolve(__dirname, '../..')

export interface Finished {
  readonly code: number | null
  readonly output: string
}

/** Runs a program from its sources, in a folder of its own. */
export const program = (file: string, cwd: string, args: readonly string[] = []) => {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', pathToFileURL(resolve(root, 'node_modules/tsx/dist/loader.mjs')).href, resolve(root, file), ...args],
    {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TSX_TSCONFIG_PATH: resolve(root, 'examples/tsconfig.json') },
    },
  )
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += String(chunk)
      for (const listener of listeners) listener()
    })
  }
  return {
    /** Resolves when the output so far satisfies `test`; rejects when the program ends before. */
    until: (test: (output: string) => boolean): Promise<void> =>
      new Promise((found, reject) => {
        const look = () => {
          if (test(output)) found()
        }
        listeners.add(look)
        child.once('exit', () => reject(new Error(`the program ended: ${output}`)))
        look()
      }),
    terminate: (): void => void child.kill('SIGTERM'),
    kill: (): void => void child.kill('SIGKILL'),
    finished: async (): Promise<Finished> => {
      const [code] = (await once(child, 'close')) as [number | null]
      return { code, output }
    },
  }
}

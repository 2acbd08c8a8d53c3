import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** A real process that runs a file of this folder and tells by lines on stdout how far it is. */
export interface Child {
  /** Resolves with the next line; null when there are no more. */
  nextLine(): Promise<string | null>
  kill(): void
  /** Resolves with exit code or signal, once the process is gone. */
  readonly ended: Promise<number | string | null>
}

export const startChild = (name: string, args: readonly string[], options: { readonly maxFileKiB?: number } = {}): Child => {
  const node = [process.execPath, '--import', 'tsx', join(__dirname, name), ...args]
  const limited = options.maxFileKiB === undefined ? node : ['sh', '-c', `ulimit -f ${options.maxFileKiB * 2}; exec "$0" "$@"`, ...node]
  const [command = '', ...rest] = limited
  const child: ChildProcessByStdio<null, Readable, null> = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = new Promise<number | string | null>((resolve, reject) => {
    child.once('close', (code, signal) => resolve(code ?? signal))
    child.once('error', reject)
  })
  return {
    nextLine: async () => {
      const line = await lines.next()
      return line.done === true ? null : line.value
    },
    kill: () => {
      child.kill('SIGKILL')
    },
    ended,
  }
}

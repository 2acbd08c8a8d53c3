import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Order, Report, WorkerOptions } from './messages.js'

/** One place in the group: a disk, and the process that is on it now. */
export class Seat {
  /** Bytes, as last heard. */
  rss = 0
  private readonly stateDir = mkdtempSync(join(tmpdir(), 'millrace-siege-'))
  private worker: ChildProcess | null = null
  private ended: Promise<unknown[]> = Promise.resolve([])

  constructor(private readonly options: Omit<WorkerOptions, 'stateDir'>) {}

  /** Resolves when the worker runs. */
  async start(): Promise<void> {
    const options: WorkerOptions = { ...this.options, stateDir: this.stateDir }
    const worker = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'worker.child.ts'), JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.worker = worker
    this.ended = once(worker, 'exit')
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (report: Report) => {
        if ('rss' in report) this.rss = report.rss
        else resolve()
      })
      worker.on('exit', (code, signal) => reject(new Error(`the worker ended before it ran: ${String(code ?? signal)}`)))
    })
  }

  order(order: Order): void {
    this.worker?.send(order)
  }

  signal(signal: NodeJS.Signals): void {
    this.worker?.kill(signal)
  }

  get isAlive(): boolean {
    return this.worker !== null && this.worker.exitCode === null && this.worker.signalCode === null
  }

  /** Resolves with the exit code, or the signal that ended the worker. */
  async end(): Promise<number | string> {
    const [code, signal] = await this.ended
    return (code ?? signal) as number | string
  }

  /** Told to stop: it does what is open, and leaves. */
  async leave(): Promise<void> {
    this.signal('SIGTERM')
    const end = await this.end()
    if (end !== 0) throw new Error(`a worker told to stop ended with ${end}`)
  }

  loseDisk(): void {
    rmSync(this.stateDir, { recursive: true, force: true })
  }

  abandon(): void {
    this.signal('SIGKILL')
    this.loseDisk()
  }
}

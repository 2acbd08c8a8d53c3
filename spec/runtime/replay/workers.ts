import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from 'millrace'
import { RunnableApp } from '../../../lib/runtime/app.js'
import { scratchFolder } from '../../../lib/testing/scratch-folder.js'
import { VirtualClock } from '../../../lib/testing/virtual-clock.js'
import type { Log } from '../../../lib/transport/embedded/log.js'
import { embeddedTransport, type EmbeddedTransport } from '../../../lib/transport/embedded/transport.js'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
export const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

interface Worker {
  readonly app: RunnableApp
  readonly stateDir: string
  readonly transport: () => EmbeddedTransport | null
}

/** Members of one group on an embedded log, that may be stopped, killed and robbed while they are at work. */
export class Workers {
  readonly clock = new VirtualClock(0)
  private readonly folder = scratchFolder()
  private readonly running: Worker[] = []

  constructor(
    private readonly log: Log,
    private readonly define: (app: App) => void,
    private readonly config: {
      readonly delivery: 'at-least-once' | 'exactly-once'
      readonly fetchBytes: number
      readonly dirtyBytes?: number
    },
  ) {}

  get count(): number {
    return this.running.length
  }

  async start(stateDir = mkdtempSync(join(this.folder, 'worker-'))): Promise<void> {
    const { delivery, fetchBytes, dirtyBytes } = this.config
    let transport: EmbeddedTransport | null = null
    const app = new RunnableApp(
      { id: 'replay', stateDir, delivery, logger: silent, commitEvery: '1s', tuning: { fetchBytes, dirtyBytes } },
      {
        clock: this.clock,
        checksCodecs: true,
        transport: async () => (transport = await embeddedTransport({ log: this.log, clock: this.clock })),
      },
    )
    this.define(app)
    this.running.push({ app, stateDir, transport: () => transport })
    await app.start()
  }

  /** The oldest of them. */
  async stop(): Promise<string> {
    const worker = this.running.shift() as Worker
    await worker.app.stop()
    return worker.stateDir
  }

  kill(): string {
    const worker = this.running.shift() as Worker
    worker.app.abandon()
    worker.transport()?.kill()
    return worker.stateDir
  }

  lose(stateDir: string): void {
    rmSync(stateDir, { recursive: true, force: true })
  }

  /** So much wall time: what is due is committed. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms, () => turns(2))
  }

  async settled(): Promise<void> {
    const done = (): number => this.running.reduce((sum, { app }) => sum + app.counters.recordsIn + app.counters.commits, 0)
    for (let before = -1; before !== done();) {
      before = done()
      await this.letWaitsPass(Promise.all(this.running.map(({ app }) => app.settled())))
    }
  }

  /** Records that wait to be tried again are tried at once. */
  private async letWaitsPass(work: Promise<unknown>): Promise<void> {
    const open = new Set([work])
    const over = work.finally(() => open.clear())
    while (open.size > 0) {
      await turns(2)
      this.clock.passWait()
    }
    await over
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.running.length > 0) await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../lib/core/clock.js'
import { noHeaders } from '../../lib/core/headers.js'
import { partitionOf } from '../../lib/core/murmur2.js'
import type { Producer } from '../../lib/transport/port.js'
import { inputOf, partitions } from './messages.js'

const keys = 60
const burstEveryMs = 25

/** Writes numbered records for as long as it is told to, and remembers what became part of the log. */
export class Feed {
  /** Per partition: the keys in order of offset. The value of each record is `partition:offset`. */
  readonly written: readonly string[][] = Array.from({ length: partitions }, () => [])
  private isOpen = false
  private running: Promise<void> = Promise.resolve()

  constructor(
    private readonly id: string,
    private readonly producer: Producer,
    private readonly random: () => number,
    private readonly recordsPerBurst = 25,
  ) {}

  /** Once more after `stop`, if need be. */
  start(): void {
    this.isOpen = true
    this.running = this.run(inputOf(this.id))
    // Whoever stops it hears of it.
    this.running.catch(() => undefined)
  }

  /** Resolves when all that was sent is stored. */
  async stop(): Promise<void> {
    this.isOpen = false
    await this.running
  }

  private async run(topic: string): Promise<void> {
    while (this.isOpen) {
      await this.burst(topic)
      await sleep(burstEveryMs)
    }
  }

  private burst(topic: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let open = this.recordsPerBurst
      const delivery = { delivered: (count: number) => ((open -= count) === 0 ? resolve() : undefined), failed: reject }
      for (let i = 0; i < this.recordsPerBurst; i++) {
        const name = `k-${Math.floor(this.random() * keys)}`
        const key = Buffer.from(name)
        const partition = partitionOf(key, partitions)
        const value = Buffer.from(`${partition}:${(this.written[partition]?.push(name) ?? 0) - 1}`)
        this.producer.append({ topic, partition }, { key, value, timestamp: systemClock.now(), headers: noHeaders }, delivery, null)
      }
      this.producer.flush()
    })
  }
}

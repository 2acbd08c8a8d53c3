import { randomUUID } from 'node:crypto'
import { Overlay } from '../state/overlay.js'
import type { ByteStore, StateFile } from '../state/port.js'
import type { StoreSpec } from '../topology/operator.js'
import type { PlannedStore } from '../topology/plan.js'
import type { PartitionOffset } from '../transport/port.js'
import type { Mark } from './recovery.js'

/* eslint-disable @typescript-eslint/no-explicit-any -- the plan erases record types */
export interface OpenStore {
  readonly spec: StoreSpec<any, any>
  readonly overlay: Overlay<any, any>
  readonly bytes: ByteStore
  readonly file: StateFile
  /** Null: a table of a compacted topic, restored from that topic. */
  readonly changelog: { readonly topic: string; readonly partition: number; position: number } | null
  readonly planned: PlannedStore
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** As left in the file by its last commit. */
export interface FileState {
  readonly mark: Mark
  /** By topic: the next input to take. */
  readonly offsets: Readonly<Record<string, number>>
  /** By store: the position in its changelog. */
  readonly changelogs: Readonly<Record<string, number>>
  /** By store: the stream time of its node, where it has one. */
  readonly streamTimes: Readonly<Record<string, number>>
  /** ms since the epoch. */
  readonly committedAt: number
  /** A rebuild was under way: what is in there belongs to no commit. */
  readonly isRebuilding: boolean
}

const stateKey = 'commit'

/** The stores of a task, and the two files they are in: one on disk, one in memory for those that ask for it. */
export class TaskStores {
  readonly all: readonly OpenStore[]
  private readonly byName: ReadonlyMap<string, OpenStore>

  constructor(
    planned: readonly (PlannedStore & { readonly hasChangelog: boolean })[],
    partition: number,
    /** The commit is written here: on disk when there is one. */
    readonly main: StateFile,
    private readonly memory: StateFile,
  ) {
    this.all = planned.map((store): OpenStore => {
      const file = store.spec.kind === 'memory' ? memory : main
      const bytes = file.store(store.spec.name)
      const { key, value, cached } = store.spec
      const overlay = new Overlay({ store: bytes, key, value, ...(cached !== undefined && { maxCached: cached }) })
      return {
        spec: store.spec,
        overlay,
        bytes,
        file,
        planned: store,
        changelog: store.hasChangelog ? { topic: store.changelog, partition, position: 0 } : null,
      }
    })
    this.byName = new Map(this.all.map((store) => [store.spec.name, store]))
  }

  get(name: string): OpenStore {
    const store = this.byName.get(name)
    if (store === undefined) throw new Error(`the task has no store ${name}`)
    return store
  }

  get dirtyBytes(): number {
    let sum = 0
    for (const { overlay } of this.all) sum += overlay.dirtyBytes
    return sum
  }

  /** What is in a file that one may go on from; null when a store is lost with the process. */
  read(): FileState | null {
    const isWhole = this.main.isDurable && this.all.every(({ file }) => file.isDurable)
    const state = isWhole ? this.stored() : null
    return state === null || state.isRebuilding ? null : state
  }

  /** Also of a rebuild that was cut short: the positions of the changelogs stand. */
  stored(): FileState | null {
    return (this.main.meta.get(stateKey) as FileState | undefined) ?? null
  }

  changelogPositions(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.all.flatMap(({ spec, changelog }) => (changelog ? [[spec.name, changelog.position]] : [])))
  }

  private streamTimes(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      this.all.flatMap(({ spec, overlay }) => (overlay.timeToCommit < 0 ? [] : [[spec.name, overlay.timeToCommit]])),
    )
  }

  /** How far event time had come when the file was written. */
  recoverTimes({ streamTimes }: FileState): void {
    for (const { spec, overlay } of this.all) overlay.recoverTime(streamTimes[spec.name] ?? -1)
  }

  /** One transaction: the rows, the inputs they contain, the positions of their changelogs. */
  commit(state: Omit<FileState, 'changelogs' | 'streamTimes'>, write: () => void): void {
    const others = this.all.some(({ file }) => file === this.memory && file !== this.main)
    const main = () => {
      write()
      const [changelogs, streamTimes] = [this.changelogPositions(), this.streamTimes()]
      this.main.meta.put(stateKey, { ...state, changelogs, streamTimes } satisfies FileState)
    }
    this.main.commit(others ? () => this.memory.commit(main) : main)
  }

  close(): void {
    this.main.close()
    this.memory.close()
  }
}

export const newWriter = (): string => randomUUID()

/** Offsets by topic, as the file keeps them. */
export const byTopic = (offsets: readonly PartitionOffset[]): Readonly<Record<string, number>> =>
  Object.fromEntries(offsets.map(({ topic, offset }) => [topic, offset]))

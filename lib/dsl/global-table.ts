import type { Option } from 'fp-ts/lib/Option.js'
import { readRange, valueOf, type Range } from './query.js'
import { rememberGlobal, type GlobalLane } from './lane.js'
import type { GlobalTable } from './surface.js'

export class WholeTable<K, V> implements GlobalTable<K, V> {
  readonly name: string
  readonly #lane: GlobalLane

  constructor(lane: GlobalLane) {
    this.name = lane.spec.name
    this.#lane = lane
    rememberGlobal(this, lane)
    Object.freeze(this)
  }

  async get(key: K): Promise<Option<V>> {
    const rows = await this.#lane.scope.graph.host.globalRows<K, V>(this.#lane.spec)
    return valueOf(rows.get(key))
  }
  async *entries(range?: Range<K>): AsyncGenerator<readonly [K, V]> {
    const rows = await this.#lane.scope.graph.host.globalRows<K, V>(this.#lane.spec)
    yield* readRange([rows], this.#lane.spec.key, range)
  }
}

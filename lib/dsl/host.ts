import type { Subscriber, TeardownLogic } from 'rxjs'
import type { KRecord } from '../core/record.js'
import type { Codec } from '../core/codec.js'
import type { GlobalTableSpec, Port } from '../topology/node.js'
import type { Lookup, TableStore } from '../topology/operator.js'

/** What streams and tables ask of the app that runs them. The runtime implements it. */
export interface Host {
  /** Throws `MR_TOPOLOGY_FROZEN` once the app has started; every verb calls it first. */
  assertOpen(verb: string): void
  /** Delivers the records of a port from now on. Before the start it makes the port part of the plan. */
  subscribe(port: Port, subscriber: Subscriber<KRecord<unknown, unknown>>): TeardownLogic
  /** Throws `MR_TOPOLOGY_FROZEN` for a port that does not run and cannot any more. */
  assertHearable(port: Port): void
  /** A subscriber of a stream threw: said in the log, and nobody else's business. */
  observerThrew(error: unknown): void
  /** Runs `read` on the committed rows of one partition, the one `key` belongs to. */
  lookUp<K, A, R>(table: QueriedTable<K, A>, key: K, read: (rows: TableStore<K, A>) => R): Promise<R>
  /** The committed rows of every partition of this instance. */
  partitions<K, A>(table: QueriedTable<K, A>): Promise<readonly TableStore<K, A>[]>
  globalRows<K, A>(table: GlobalTableSpec): Promise<TableStore<K, A>>
}
export interface QueriedTable<K, A> {
  readonly name: string
  readonly port: Port
  readonly key: Codec<K>
  readonly lookup: Lookup<K, A>
}

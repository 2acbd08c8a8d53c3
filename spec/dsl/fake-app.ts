import { Subject } from 'rxjs'
import { MillraceError } from '../../lib/core/errors.js'
import { createBuilder, type Builder } from '../../lib/dsl/builder.js'
import type { Host } from '../../lib/dsl/host.js'
import type { GlobalTableSpec, Port } from '../../lib/topology/node.js'
import type { StoreSpec, TableStore } from '../../lib/topology/operator.js'
import { describe as describePlan } from '../../lib/topology/describe.js'
import { buildPlan, type Plan } from '../../lib/topology/plan.js'
import { fakeStore, type FakeStore } from '../support/fake-task.js'

/* eslint-disable @typescript-eslint/no-explicit-any -- a host is handed streams and tables of anything */
export interface FakeApp {
  readonly builder: Builder
  readonly heard: readonly Port[]
  /** What `host.subscribe` was called with delivers from here. */
  readonly records: Subject<any>
  freeze(): void
  plan(): Plan
  text(): string
  /** Puts rows where `get` and `entries` read them: one list for each partition. */
  fill(partitions: readonly (readonly (readonly [key: any, value: any])[])[]): void
}

/** An app that runs nothing: what the verbs declare, and a host that answers queries from what it was filled with. */
export const fakeApp = (appId = 'app'): FakeApp => {
  const heard: Port[] = []
  const records = new Subject<any>()
  let isOpen = true
  let rows: readonly (readonly (readonly [any, any])[])[] = []
  const storesOf = (index: number) => ({
    store: (spec: StoreSpec<any, any>): TableStore<any, any> => filled(fakeStore(spec), rows[index] ?? []),
  })
  const host: Host = {
    assertHearable: () => undefined,
    observerThrew: (error) => {
      throw error
    },
    assertOpen: (verb) => {
      if (!isOpen) throw new MillraceError('MR_TOPOLOGY_FROZEN', `${verb} was called after the start`)
    },
    subscribe: (port, subscriber) => {
      heard.push(port)
      return records.subscribe(subscriber)
    },
    lookUp: (table, key, read) => Promise.resolve(read(table.lookup.open(storesOf(Number(String(key).charCodeAt(0)) % rows.length)))),
    partitions: (table) => Promise.resolve(rows.map((_, i) => table.lookup.open(storesOf(i)))),
    globalRows: ({ name, key, value }: GlobalTableSpec) =>
      Promise.resolve(filled(fakeStore({ name, key, value, kind: 'memory' }), rows.flat())),
  }
  const builder = createBuilder(host, appId)
  const plan = () => buildPlan(builder.declaration(heard), appId)
  return {
    builder,
    heard,
    records,
    freeze: () => (isOpen = false),
    plan,
    text: () => `\n${describePlan(plan()).toString()}`,
    fill: (partitions) => (rows = partitions),
  }
}

const filled = (store: FakeStore<any, any>, rows: readonly (readonly [any, any])[]): FakeStore<any, any> => {
  for (const [key, value] of rows) store.set(key, value, 0)
  return store
}
/* eslint-enable @typescript-eslint/no-explicit-any */

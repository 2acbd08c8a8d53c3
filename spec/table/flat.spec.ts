import { codec } from '../../lib/core/codec.js'
import { distinct, distinctSpec } from '../../lib/operators/distinct.js'
import { heldCodec } from '../../lib/table/held-codec.js'
import { historyCodec } from '../../lib/table/history.js'
import { materialize } from '../../lib/table/materialize.js'
import { suppress } from '../../lib/table/suppress.js'
import { materializeVersions } from '../../lib/table/versioned.js'
import type { PerRecord, StoreSpec } from '../../lib/topology/operator.js'
import { fakeTask, opened, storeSpec } from '../support/fake-task.js'

/* eslint-disable @typescript-eslint/no-explicit-any -- stores of anything */
interface Case {
  readonly verb: PerRecord
  readonly store: StoreSpec<any, any>
  /** What the record of a new key is, and what follows it a little later. */
  readonly values: readonly unknown[]
}
/* eslint-enable @typescript-eslint/no-explicit-any */

const plain = storeSpec('plain', codec.string)
const inserted = { before: undefined, beforeTimestamp: -1, after: 'x' }
const held = storeSpec('held', heldCodec(codec.string))
const versions = storeSpec('versions', historyCodec(codec.string))
const cases: Readonly<Record<string, Case>> = {
  distinct: {
    verb: distinct({ within: 10, by: null, keys: codec.string, values: codec.string, storeName: 'seen' }),
    store: distinctSpec('seen'),
    values: ['x'],
  },
  'suppress, of what it holds': {
    verb: suppress({ withinMs: 10, maxKeys: Infinity, whenFull: 'emit', rows: plain, held }),
    store: held,
    values: [inserted],
  },
  'a versioned table, of what was deleted': {
    verb: materializeVersions({ spec: versions, historyMs: 10 }),
    store: versions,
    values: ['x', null],
  },
  'a table with a ttl': { verb: materialize({ ...plain, ttlMs: 10 }), store: plain, values: ['x'] },
}

describe('a store over a long time', () => {
  it.each(Object.entries(cases))('stays as large as what is needed, and every row that goes leaves a delete: %s', (_name, one) => {
    const task = fakeTask()
    const store = task.store(one.store)
    const send = opened(task, one.verb)
    let largest = 0
    for (let i = 0; i < 5000; i++) {
      for (const value of one.values) send(`k${i}`, value, i)
      if (i % 100 === 0) largest = Math.max(largest, [...store.entries()].length)
    }
    const left = [...store.entries()].length
    const keysOf = (isDelete: boolean) =>
      new Set(store.writes.filter(([, value]) => (value === null) === isDelete).map(([key]) => String(key))).size

    expect(largest).toBeLessThanOrEqual(21)
    expect(keysOf(true)).toBe(keysOf(false) - left)
  })
})

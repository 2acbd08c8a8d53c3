import type { Codec } from '../core/codec.js'
import { MillraceError } from '../core/errors.js'
import { processWith } from '../operators/process-batches.js'
import { processStateless, type AnyProcessor } from '../operators/process-context.js'
import { timersOf } from '../operators/process.js'
import { checkName } from '../topology/names.js'
import type { StoreSpec } from '../topology/operator.js'
import { byKey } from './by-key.js'
import { innerJson, type AnyCodec, type Lane } from './lane.js'
import { storeKind, ttlOf } from './store-table.js'
import type { Stores } from './surface.js'

/** As the surface has typed it. */
interface Given extends AnyProcessor {
  readonly stores?: Stores | undefined
  readonly emits?: AnyCodec | undefined
}

/** Runs by itself: what it does may be all there is. */
export const processLane = (from: Lane, processor: Given): Lane => {
  const name = checkName(processor.name, 'the name of a processor')
  const value = processor.emits ?? innerJson
  const { graph } = from.scope
  const declared = Object.entries(processor.stores ?? {})
  if (declared.length === 0 && processor.onTimer === undefined) {
    const node = graph.operator(from.port, processStateless(processor))
    graph.end(node)
    return { ...from, port: { node, branch: 0 }, value }
  }
  const lane = byKey(from, name)
  const stores = new Map(declared.map(([store, options]) => [store, specOf(name, store, options, lane.key)]))
  const timers = timersOf(name)
  if (declared.some(([store]) => store === 'timers')) {
    throw new MillraceError('MR_CONFIG', `processor ${name}: its store "timers" would be the one its timers are in; call it something else`)
  }
  const operator = processWith({ processor, keys: lane.key, stores, timers })
  const uses = [...stores.values(), timers].map((spec) => ({ spec, source: null }))
  const node = graph.operator(lane.port, operator, { stores: uses })
  return { ...lane, port: { node, branch: 0 }, stem: name, value }
}

const specOf = (processor: string, store: string, options: Stores[string], key: Codec<unknown>): StoreSpec<unknown, unknown> => {
  const { name = `${processor}-${store}`, value = innerJson } = options
  const what = `store ${store} of processor ${processor}`
  const kind = storeKind(options.store, what)
  return Object.freeze({ name: checkName(name, `the name of ${what}`), key, value, kind, ttlMs: ttlOf(options.ttl, what) })
}

import { codec } from '../core/codec.js'
import { answerCodec, subscriptionCodec, subscriptionKeyCodec, type SubscriptionKey, type Version } from '../join/foreign-key-codec.js'
import { answers, joinAnswers, rightChange, subscribes, type ForeignJoiner } from '../join/foreign-key.js'
import { checkName, derivedName, joinedName } from '../topology/names.js'
import type { Port } from '../topology/node.js'
import type { Route, StoreSpec } from '../topology/operator.js'
import { innerJson, type AnyCodec, type AnyFn, type TableLane } from './lane.js'
import { storeTable } from './store-table.js'
import type { StoreOptions } from './surface.js'

export type ForeignVerb = 'joinOn' | 'leftJoinOn'

interface Names {
  readonly name: string
  readonly verb: ForeignVerb
}

/** Round by two topics of the app's own: `<name>-asked`, by foreign key, and `<name>-answered`, by the key of the left row. */
export const joinedOn = <R>(
  left: TableLane,
  right: TableLane,
  verb: ForeignVerb,
  { on, join }: { readonly on: AnyFn; readonly join: AnyFn },
  options: StoreOptions<R> | undefined,
): TableLane => {
  const { scope } = left
  const name =
    options?.name === undefined
      ? derivedName(joinedName([left.name, right.name]), verb)
      : checkName(options.name, `the name given to ${verb}`)
  const isLeftJoin = verb === 'leftJoinOn'
  const subscribing = subscribes({ on, key: left.key, value: left.value, rightKey: right.key, isLeftJoin, label: verb })
  const route: Route = { kind: 'route', label: verb, branches: 2, open: () => subscribing }
  const ask = scope.graph.operator(left.port, route, { branches: ['asked', 'alone'] })
  const answered = answeredBy(left, right, { node: ask, branch: 0 }, { name, verb })
  const joiner: ForeignJoiner<unknown, unknown, unknown> = { left: isLeftJoin, join }
  return storeTable(
    {
      scope,
      parent: { node: scope.graph.merge([answered, { node: ask, branch: 1 }]), branch: 0 },
      name,
      key: left.key,
      value: () => innerJson,
      label: verb,
      operator: (rows) => joinAnswers({ label: verb, on, joiner, left: left.lookup, leftValue: left.value, rows }),
      reads: [left.owner],
    },
    options,
  )
}

/** The right half: there and back. */
const answeredBy = (left: TableLane, right: TableLane, asking: Port, { name, verb }: Names): Port => {
  const { graph } = left.scope
  const topic = (suffix: string, parent: Port, key: AnyCodec, value: AnyCodec): Port => ({
    node: graph.repartition({ name: `${name}-${suffix}`, parents: [parent], key, value, partitions: null, isExplicit: false }),
    branch: 0,
  })
  const asked = topic('asked', asking, right.key, subscriptionCodec)
  const changed: Port = { node: graph.operator(right.port, rightChange('right side')), branch: 0 }
  const subscriptions: StoreSpec<SubscriptionKey, Version> = Object.freeze({
    name: `${name}-subscriptions`,
    key: subscriptionKeyCodec,
    value: codec.number,
    kind: 'lmdb',
  })
  const answering = answers({ label: verb, leftKey: left.key, rightKey: right.key, right: right.lookup, subscriptions })
  const answer = graph.operator({ node: graph.merge([asked, changed]), branch: 0 }, answering, {
    stores: [{ spec: subscriptions, source: null }],
    reads: [right.owner],
  })
  return topic('answered', { node: answer, branch: 0 }, left.key, answerCodec(right.value))
}

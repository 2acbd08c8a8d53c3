import { codec } from '../../lib/core/codec.js'
import { topic } from '../../lib/topology/topic.js'
import { fakeApp } from './fake-app.js'
import { audit, counts, orders, users } from './shop.js'

describe('Table', () => {
  it('writes a delete as a tombstone, whatever its encoder makes of null', () => {
    const app = fakeApp()
    app.builder.stream(orders).groupByKey().count().toTopic(counts)
    const to = app.plan().subTopologies[0]?.sinks[0]?.to
    if (to === undefined || typeof to === 'function') throw new Error('no topic')
    expect(to.name).toBe('word-counts')
    expect(to.value.encode(null)).toBeNull()
    expect(to.value.encode(2)).toEqual(codec.number.encode(2))
  })
  it('keeps the partitioner of the topic it writes to', () => {
    const app = fakeApp()
    const partition = () => 0
    app.builder.table(users).toTopic(topic('target', { ...users, partition }))
    expect(app.plan().subTopologies[0]?.sinks[0]?.to).toMatchObject({ partition })
  })
  it('owns rows of its own only when asked to', () => {
    const app = fakeApp()
    const table = app.builder.table(users)
    table
      .filter(() => true)
      .map((user) => user.name)
      .toTopic(audit)
    table.map((user) => user.name, { name: 'names', store: 'memory' }).toTopic(audit)
    const stores = app.plan().subTopologies.flatMap((sub) => sub.stores)
    expect(stores.map(({ spec, source, changelog }) => [spec.name, spec.kind, source?.name, changelog])).toEqual([
      ['users', 'lmdb', 'users', 'app-users-changelog'],
      ['names', 'memory', undefined, 'app-names-changelog'],
    ])
  })
  it('is grouped or suppressed twice when one of the two has a name', () => {
    const plan = (name: string | undefined) => {
      const app = fakeApp()
      const table = app.builder.table(users)
      const byName = (options?: { name?: string | undefined }) =>
        table.groupBy((user) => [user.name, 1], codec.string, codec.number, options)
      byName().count()
      byName({ name: name && `${name}-grouped` }).count()
      table.suppress({ within: '1s' }).toTopic(users)
      table.suppress({ within: '2s', name }).toTopic(users)
      return app.plan().subTopologies.flatMap((sub) => sub.stores.map(({ changelog }) => changelog))
    }
    expect(() => plan(undefined)).toThrow(/MR_NAME_AMBIGUOUS/)
    expect(() => plan('not good')).toThrow(/MR_NAME_INVALID/)
    expect(plan('slow').sort()).toEqual([
      'app-slow-changelog',
      'app-slow-grouped-count-changelog',
      'app-slow-held-changelog',
      'app-users-changelog',
      'app-users-grouped-count-changelog',
      'app-users-suppressed-changelog',
      'app-users-suppressed-held-changelog',
    ])
  })
  it('is joined by the store that holds its rows', () => {
    const app = fakeApp()
    const table = app.builder.table(users)
    const view = table.filter(() => true)
    const own = table.map((user) => user.name, {})
    app.builder
      .stream(orders)
      .join(view, (order) => order)
      .join(own, (order) => order)
      .toTopic(audit)
    const reads = app
      .plan()
      .subTopologies.flatMap(({ nodes }) =>
        nodes.flatMap((node) =>
          node.kind === 'operator' ? node.reads.map((read) => read.kind === 'operator' && read.stores[0]?.spec.name) : [],
        ),
      )
    expect(reads).toEqual(['users', 'users-mapped'])
  })
})

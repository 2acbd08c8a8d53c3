import { codec } from '../../lib/core/codec.js'
import type { SourceNode, StreamOptions } from '../../lib/topology/node.js'
import { policy } from '../../lib/topology/policy.js'
import { topic } from '../../lib/topology/topic.js'
import { fakeApp, type FakeApp } from './fake-app.js'
import { audit, orders, returns, users } from './shop.js'

const sourcesOf = (app: FakeApp): readonly SourceNode[] =>
  app.plan().subTopologies.flatMap(({ nodes }) => nodes.filter((node) => node.kind === 'source'))

describe('app.stream', () => {
  it('reads one topic once, however often it is named', () => {
    const app = fakeApp()
    app.builder.stream(orders).toTopic(audit)
    app.builder
      .stream(topic('orders', orders))
      .filter(() => true)
      .toTopic(audit)
    expect(sourcesOf(app)).toHaveLength(1)
  })
  it('reads several topics as one stream', () => {
    const app = fakeApp()
    app.builder.stream([orders, returns]).toTopic(audit)
    expect(sourcesOf(app).map(({ label }) => label)).toEqual(['orders', 'returns'])
    expect(() => app.builder.stream([])).toThrow(/MR_CONFIG/)
  })
  it('fills in defaults', () => {
    const app = fakeApp()
    app.builder.stream(orders).toTopic(audit)
    expect(sourcesOf(app)[0]?.options).toEqual({
      from: 'earliest',
      until: 'never',
      onOutOfRange: 'fail',
      maxAheadMs: 86_400_000,
      onError: null,
    })
  })
  it('takes times as dates and as numbers, and sees that they are the same', () => {
    const app = fakeApp()
    const at = new Date('2026-01-01T00:00:00Z')
    app.builder.stream(orders, { from: { at }, until: { at: at.getTime() }, maxAhead: '1h', onError: policy.skip }).toTopic(audit)
    app.builder.stream(orders, { from: { at: at.getTime() }, until: { at }, maxAhead: 3_600_000, onError: policy.skip }).toTopic(audit)
    expect(sourcesOf(app)).toMatchObject([
      { options: { from: { time: at.getTime() }, until: { time: at.getTime() }, maxAheadMs: 3_600_000 } },
    ])
  })
  it.each<[string, StreamOptions]>([
    ['from', { from: 'latest' }],
    ['until', { until: 'now' }],
    ['onOutOfRange', { onOutOfRange: 'earliest' }],
    ['maxAhead', { maxAhead: '1h' }],
    ['onError', { onError: policy.skip }],
  ])('refuses one topic with different %s', (_, options) => {
    const { builder } = fakeApp()
    builder.stream(orders)
    expect(() => builder.stream(orders, options)).toThrow(/MR_SOURCE_OPTIONS: topic orders is used twice, with different options/)
  })
  it('refuses one topic with different descriptors', () => {
    const { builder } = fakeApp()
    builder.stream(orders)
    expect(() => builder.stream(topic('orders', { key: codec.string, value: codec.string }))).toThrow(/MR_SOURCE_OPTIONS: .* descriptors/)
    expect(() => builder.stream(topic('orders', { ...orders, timestamp: () => 0 }))).toThrow(/MR_SOURCE_OPTIONS/)
    expect(() => builder.table(topic('orders', { ...orders, partition: () => 0 }))).toThrow(/MR_SOURCE_OPTIONS/)
  })
  it.each<[string, StreamOptions]>([
    ['MR_CONFIG', { from: { at: NaN } }],
    ['MR_CONFIG', { from: 'now' as never }],
    ['MR_CONFIG', { onOutOfRange: 'skip' as never }],
    ['MR_DURATION', { maxAhead: '1 day' as never }],
  ])('refuses odd options with %s: %j', (code, options) => {
    expect(() => fakeApp().builder.stream(orders, options)).toThrow(code)
  })
})

describe('app.table', () => {
  it('is the same table each time, so that two joins with it agree', () => {
    const app = fakeApp()
    app.builder.table(users)
    app.builder.table(users)
    expect(app.plan().subTopologies.flatMap(({ stores }) => stores)).toMatchObject([
      { spec: { name: 'users', kind: 'lmdb' }, source: { name: 'users' } },
    ])
  })
  it('refuses one topic with different store options', () => {
    const { builder } = fakeApp()
    builder.table(users)
    expect(() => builder.table(users, { name: 'people' })).toThrow(/MR_SOURCE_OPTIONS: topic users is a table twice/)
  })
  it('refuses a store that is neither on disk nor in memory', () => {
    expect(() => fakeApp().builder.table(users, { store: 'rocksdb' as never })).toThrow(/MR_CONFIG: table: store is "rocksdb"/)
  })
  it('shares the position of its topic with a stream, so it refuses other options too', () => {
    const { builder } = fakeApp()
    builder.stream(users, { from: 'latest' })
    expect(() => builder.table(users)).toThrow(/MR_SOURCE_OPTIONS/)
  })
})

describe('app.globalTable', () => {
  it('is the same table each time', () => {
    const app = fakeApp()
    expect(app.builder.globalTable(users)).toBe(app.builder.globalTable(users))
    expect(app.plan().globals).toHaveLength(1)
  })
  it('refuses one topic with different descriptors', () => {
    const { builder } = fakeApp()
    builder.globalTable(users)
    expect(() => builder.globalTable(topic('users', { key: codec.string, value: codec.string }))).toThrow(/MR_SOURCE_OPTIONS/)
  })
})

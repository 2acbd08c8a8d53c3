import { codec } from '../../lib/core/codec.js'
import type { Builder } from '../../lib/dsl/builder.js'
import type { KStream } from '../../lib/dsl/surface.js'
import { pathOf } from '../../lib/topology/node.js'
import { topic } from '../../lib/topology/topic.js'
import type { Way } from '../../lib/topology/meetings.js'
import { fakeApp } from '../dsl/fake-app.js'

const named = (name: string) => topic(name, { key: codec.string, value: codec.string })
type Texts = KStream<string, string>
const later = (stream: Texts): Texts => stream.mapAsync((value) => Promise.resolve(value))
const first = (value: string): string => value

type Plan = (streams: { readonly clicks: Texts; readonly views: Texts }, builder: Builder) => Texts

/** `clicks` and `views`; what comes of it is sent somewhere. */
const planned = (plan: Plan) => {
  const app = fakeApp()
  const { builder } = app
  plan({ clicks: builder.stream(named('clicks')), views: builder.stream(named('views')) }, builder).toTopic(named('out'))
  return app.plan().subTopologies
}
const meetings = (plan: Plan) => {
  const ways = (all: readonly Way[]): string => all.map(({ from, to }) => `${from.node.label} → ${to.label}`).join(', ')
  return planned(plan).flatMap((sub) => sub.meetings.map((meeting) => ({ ways: ways(meeting.ways), sorts: meeting.sorts })))
}
/** What leads to each. */
const awaited = (plan: Plan): readonly string[] => planned(plan).flatMap((sub) => sub.awaited.map(pathOf))
const byRecord = (plan: (clicks: Texts, builder: Builder) => Texts): readonly boolean[] => {
  const app = fakeApp()
  plan(app.builder.stream(named('clicks')), app.builder).toTopic(named('out'))
  return app.plan().subTopologies.flatMap(({ inputs }) => inputs.map(({ isByRecord }) => isByRecord))
}

describe('meetings', () => {
  it('are none where inputs are merged, joined and looked up at once: they are taken in order', () => {
    expect(meetings(({ clicks, views }, builder) => clicks.mergeWith(views).join(builder.table(named('users')), first))).toEqual([])
  })

  it('are none behind a promise on the only way', () => {
    expect(meetings(({ clicks }) => later(clicks).groupByKey().reduce(first).toStream().map(String))).toEqual([])
  })

  it('are where parts of a stream come together again, to be sorted', () => {
    expect(meetings(({ clicks }) => clicks.filter(() => true).mergeWith(clicks))).toEqual([
      { ways: 'filter → merge, clicks → merge', sorts: true },
    ])
  })

  it('are where one of several inputs is behind a promise', () => {
    expect(meetings(({ clicks, views }) => later(clicks).mergeWith(views))).toEqual([
      { ways: 'mapAsync → merge, views → merge', sorts: false },
    ])
  })

  it('are a table and those that look it up, one of them behind a promise', () => {
    expect(
      meetings(({ clicks }, builder) =>
        later(clicks)
          .map(first)
          .join(builder.table(named('users')), first),
      ),
    ).toEqual([{ ways: 'map → join, users → table', sorts: false }])
  })

  it('are the sinks of one topic, to be sorted where they are fed by one stream', () => {
    const twice: Plan = ({ clicks, views }) => {
      clicks.toTopic(named('out'))
      views.toTopic(named('another'))
      return clicks.filter(() => true)
    }
    expect(meetings(twice)).toEqual([{ ways: 'clicks → toTopic, filter → toTopic', sorts: true }])
  })

  it('are not made by unordered promises', () => {
    const unordered = (stream: Texts): Texts => stream.mapAsync((value) => Promise.resolve(value), { order: 'none' })
    expect(meetings(({ clicks, views }) => unordered(clicks).mergeWith(views))).toEqual([])
  })

  it('are one for tables that wait for each other', () => {
    const both = meetings(({ clicks }) => {
      const { odd, rest } = later(clicks).split({ odd: () => true })
      const [one, other] = [odd.toTable({ name: 'one' }), rest.toTable({ name: 'other' })]
      const joined = one.toStream().map(String).join(other, first)
      return joined.mergeWith(other.toStream().map(String).join(one, first))
    })
    expect(both.map(({ ways }) => ways)).toEqual(['join → merge, join → merge', 'split → toTable, split → toTable'])
  })
})

describe('a promise', () => {
  it('is awaited between a look-up in a table and the next one in it', () => {
    expect(
      awaited(({ clicks }, builder) => {
        const users = builder.table(named('users'))
        return later(later(clicks).join(users, first)).join(users, first)
      }),
    ).toEqual(['clicks → mapAsync → join → mapAsync'])
  })

  it('is awaited where what has been looked up is merged with what comes of it, and looked up again', () => {
    expect(
      awaited(({ clicks, views }, builder) => {
        const users = builder.table(named('users'))
        return clicks.join(users, first).mergeWith(later(views)).join(users, first)
      }),
    ).toEqual(['views → mapAsync'])
  })

  it('is awaited where it leads back over another table', () => {
    expect(
      awaited(({ clicks, views }, builder) => {
        const users = builder.table(named('users'))
        const seen = later(views.join(users, first)).toTable({ name: 'seen' })
        return clicks.join(seen, first).join(users, first)
      }),
    ).toEqual(['views → join → mapAsync'])
  })

  it('is awaited on the way to a table, where what was looked up in it comes back with others', () => {
    expect(
      awaited(({ clicks, views }) => {
        const seen = later(clicks).toTable({ name: 'seen' })
        return clicks.join(views.join(seen, first), { within: 5 }, first).join(seen, first)
      }),
    ).toEqual(['clicks → mapAsync'])
  })

  it('is not awaited before the only look-up, nor behind the last, nor between those in two tables', () => {
    expect(
      awaited(({ clicks }, builder) => {
        const joined = later(clicks).join(builder.table(named('users')), first)
        return later(later(joined).join(builder.table(named('others')), first))
      }),
    ).toEqual([])
  })
})

describe('an input', () => {
  it('is taken record by record where its records look up a table that they also change', () => {
    expect(byRecord((clicks) => clicks.join(clicks.toTable(), first))).toEqual([true])
  })
  it('is taken batch by batch where its records only come together again', () => {
    expect(byRecord((clicks) => clicks.filter(() => true).mergeWith(clicks))).toEqual([false])
  })
})

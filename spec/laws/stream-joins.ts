import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import * as Th from 'fp-ts/lib/These.js'
import type { App, JoinWindow, KStream } from '../../lib/index.js'
import { input, output, type Law } from './law.js'
import { streamJoinReference, type StreamJoinSettings } from './stream-joins-reference.js'

const [left, right, out] = [input('left'), input('right'), output('out')]
type Lane = KStream<string | null, string | null>

const settings: fc.Arbitrary<StreamJoinSettings> = fc.record({
  kind: fc.constantFrom('inner', 'left', 'outer'),
  before: fc.constantFrom(0, 1, 5, 12, 20),
  after: fc.constantFrom(0, 1, 5, 12, 20),
  grace: fc.constantFrom(0, 1, 5, 12, 20),
})

const joined = (l: Lane, r: Lane, { kind, before, after, grace }: StreamJoinSettings): Lane => {
  const window: JoinWindow = { within: { before, after }, grace }
  switch (kind) {
    case 'inner':
      return l.join(r, window, (a, b) => `${a}/${b}`)
    case 'left':
      return l.leftJoin(r, window, (a, b) => `${a}/${O.isSome(b) ? b.value : '-'}`)
    case 'outer':
      return l.outerJoin(
        r,
        window,
        Th.match(
          (a) => `${a}/-`,
          (b) => `-/${b}`,
          (a, b) => `${a}/${b}`,
        ),
      )
  }
}

const define = (settings: StreamJoinSettings, app: App) => joined(app.stream(left), app.stream(right), settings).toTopic(out)
const itself = (settings: StreamJoinSettings, app: App) => {
  const stream = app.stream(left)
  return joined(stream, stream, settings).toTopic(out)
}

export const streamJoinLaws: readonly Law<StreamJoinSettings>[] = [
  {
    name: 'joins of streams',
    inputs: [left, right],
    outputs: [out],
    settings,
    define: ({ settings, app }) => define(settings, app),
    judge: {
      kind: 'results',
      reference: (settings, taken) =>
        streamJoinReference(
          settings,
          taken.map((record) => ({ ...record, side: record.to === 'left' ? 'left' : 'right' })),
        ),
    },
  },
  {
    name: 'a stream joined with itself',
    inputs: [left],
    outputs: [out],
    settings,
    define: ({ settings, app }) => itself(settings, app),
    judge: {
      kind: 'results',
      // Each record as left, then as right.
      reference: (settings, taken) => {
        const both = taken.flatMap((record) => [
          { ...record, side: 'left' as const },
          { ...record, side: 'right' as const },
        ])
        const results = streamJoinReference(settings, both)
        return taken.map((_, i) => [...(results[2 * i] ?? []), ...(results[2 * i + 1] ?? [])])
      },
    },
  },
]

import fc from 'fast-check'
import { systemClock } from '../../lib/core/clock.js'
import { codec } from '../../lib/core/codec.js'
import { noHeaders } from '../../lib/core/headers.js'
import { Input } from '../../lib/runtime/input.js'
import { chooseInput } from '../../lib/runtime/merge-order.js'
import { Patience } from '../../lib/runtime/patience.js'
import { SourceDecoder } from '../../lib/runtime/source.js'
import { VirtualClock } from '../../lib/testing/virtual-clock.js'
import { stampBatch } from '../../lib/transport/batch/header.js'
import { BatchWriter } from '../../lib/transport/batch/writer.js'
import type { Chunk } from '../../lib/transport/port.js'

const options = { from: 'earliest', until: 'never', onOutOfRange: 'fail', maxAheadMs: Infinity, onError: null } as const
const decoder = (name: string) =>
  new SourceDecoder(
    { kind: 'source', label: name, as: 'stream', options, topic: { name, key: codec.none, value: codec.string } },
    systemClock,
    () => undefined,
    () => undefined,
  )
const input = (name: string) => new Input({ topic: name, partition: 0 }, [decoder(name)], 0, null)

/** Records of these times, cut into batches of these sizes, as one fetch or several would bring them. */
const chunksOf = (name: string, times: readonly number[], cut: number): readonly Chunk[] => {
  const chunks: Chunk[] = []
  for (let from = 0; from < times.length; from += cut) {
    const writer = new BatchWriter()
    const part = times.slice(from, from + cut)
    part.forEach((timestamp, i) => writer.append({ key: null, value: Buffer.from(`${name}${from + i}`), timestamp, headers: noHeaders }))
    const batch = writer.seal()
    stampBatch(batch, from)
    const next = from + part.length
    chunks.push({
      topic: name,
      partition: 0,
      batches: [batch],
      fetchOffset: from,
      nextOffset: next,
      endOffset: times.length,
      byteLength: batch.length,
    })
  }
  if (chunks.length === 0)
    chunks.push({ topic: name, partition: 0, batches: [], fetchOffset: 0, nextOffset: 0, endOffset: 0, byteLength: 0 })
  return chunks
}

interface Timed {
  readonly name: string
  readonly time: number
}
/** The slow, obvious way: of the heads the oldest, of equals the input that was declared first. */
const merged = (inputs: readonly { readonly name: string; readonly times: readonly number[] }[]): readonly string[] => {
  const queues = inputs.map(({ name, times }) => times.map((time, i): Timed => ({ name: `${name}${i}`, time })))
  const out: string[] = []
  for (;;) {
    const heads = queues.flatMap((queue, i) => (queue[0] ? [{ i, time: queue[0].time }] : []))
    if (heads.length === 0) return out
    const oldest = heads.reduce((a, b) => (b.time < a.time ? b : a))
    out.push(queues[oldest.i]?.shift()?.name ?? '')
  }
}

const taken = (inputs: readonly Input[]): string[] | 'waits' => {
  const out: string[] = []
  for (;;) {
    const choice = chooseInput(
      inputs.map((one) => ({ input: one })),
      new Set(),
    )
    if (choice._tag === 'AtEnd') return out
    if (choice._tag !== 'Take') return 'waits'
    const slice = inputs[choice.index]?.take(choice.limit)
    for (const raw of slice?.raws ?? []) out.push(String(raw.value))
  }
}

describe('chooseInput', () => {
  it('takes the oldest record of all inputs next, whatever the batches', () => {
    const times = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 12 })
    fc.assert(
      fc.property(times, times, times, fc.integer({ min: 1, max: 4 }), (a, b, c, cut) => {
        const sources = [
          { name: 'a', times: a },
          { name: 'b', times: b },
          { name: 'c', times: c },
        ]
        const inputs = sources.map(({ name }) => input(name))
        sources.forEach((source, i) => {
          for (const chunk of chunksOf(source.name, source.times, cut)) inputs[i]?.add(chunk)
        })

        expect(taken(inputs)).toEqual(merged(sources))
      }),
    )
  })

  it('waits for an input of which the log holds more, and for one of which nothing is known yet', () => {
    const [known, unknown] = [input('known'), input('unknown')]
    for (const chunk of chunksOf('known', [1], 1)) known.add(chunk)

    expect(taken([known, unknown])).toBe('waits')

    const [first] = chunksOf('unknown', [5, 6], 1)
    if (first) unknown.add({ ...first, batches: [], nextOffset: 0 })
    expect(taken([known, unknown])).toBe('waits')
  })

  it('does not wait for an input that is at its end', () => {
    const [known, empty] = [input('known'), input('empty')]
    for (const chunk of chunksOf('known', [1], 1)) known.add(chunk)
    for (const chunk of chunksOf('empty', [], 1)) empty.add(chunk)

    expect(taken([known, empty])).toEqual(['known0'])
  })
})

describe('patience', () => {
  it('waits 30 s of wall time for an input that is known to hold more, then goes on without it until it is heard again', async () => {
    const clock = new VirtualClock(0)
    const [known, silent] = [input('known'), input('silent')]
    for (const chunk of chunksOf('known', [5, 6], 1)) known.add(chunk)
    let woken = 0
    const patience = new Patience(clock, () => woken++)
    const choice = () => chooseInput([{ input: known }, { input: silent }], patience.givenUpOn)

    expect(choice()).toEqual({ _tag: 'Wait', inputs: [silent] })
    patience.waitFor([silent])
    await clock.advance(29_999, async () => undefined)
    expect([woken, choice()._tag]).toEqual([0, 'Wait'])
    await clock.advance(1, async () => undefined)
    expect([woken, choice()._tag]).toEqual([1, 'Take'])

    for (const chunk of chunksOf('silent', [1], 1)) silent.add(chunk)
    patience.heard(silent)
    expect(patience.givenUpOn.size).toBe(0)
    expect(choice()).toMatchObject({ _tag: 'Take', index: 1 })
  })
})

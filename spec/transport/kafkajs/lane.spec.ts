import fc from 'fast-check'
import { systemClock } from '../../../lib/core/clock.js'
import { MillraceError } from '../../../lib/core/errors.js'
import { noHeaders } from '../../../lib/core/headers.js'
import type { OutRecord } from '../../../lib/core/record.js'
import { field } from '../../../lib/transport/batch/header.js'
import { readBatch } from '../../../lib/transport/batch/reader.js'
import { BatchWriter } from '../../../lib/transport/batch/writer.js'
import { Lane, type ProducerId } from '../../../lib/transport/kafkajs/lane.js'
import { Writers } from '../../../lib/transport/kafkajs/open-batch.js'
import type { Delivery } from '../../../lib/transport/port.js'

const record = (value: string): OutRecord => ({ key: null, value: Buffer.from(value), timestamp: 1, headers: noHeaders })
const at = { topic: 'words', partition: 0 }
const id = (producerId: number): ProducerId => ({ producerId: BigInt(producerId), producerEpoch: 0 })
const error = new MillraceError('MR_PRODUCE', 'refused')
const keep = (): void => undefined
const writers = new Writers(() => new BatchWriter())

/** A partition leader as Kafka's is: it knows the last sequence of each producer, and stores nothing twice. */
class Leader {
  readonly log: string[] = []
  private readonly last = new Map<bigint, { base: number; next: number; offset: number }>()

  append(batch: Buffer): { readonly baseOffset: number } | 'out of order' {
    const producer = batch.readBigInt64BE(field.producerId)
    const base = batch.readInt32BE(field.baseSequence)
    const values = readBatch(batch, 0, at).map((one) => one.utf8Value() ?? '')
    const known = this.last.get(producer)
    if (known !== undefined && base === known.base && base + values.length === known.next) return { baseOffset: known.offset }
    if (base !== (known?.next ?? 0)) return 'out of order'
    this.last.set(producer, { base, next: base + values.length, offset: this.log.length })
    this.log.push(...values)
    return { baseOffset: this.log.length - values.length }
  }
}

describe('Lane', () => {
  it('tells one listener once for a run of records', () => {
    const lane = new Lane('words', 0, writers, keep)
    const heard: (readonly [string, number, number])[] = []
    const listener = (name: string): Delivery => ({ delivered: (count, _at, last) => heard.push([name, count, last]), failed: keep })
    const [one, other] = [listener('one'), listener('other')]
    for (const delivery of [one, one, other, one]) lane.append(record('v'), delivery, null, systemClock)

    lane.take(id(1))
    lane.arrived(10)

    expect(heard).toEqual([
      ['one', 2, 11],
      ['other', 1, 12],
      ['one', 1, 13],
    ])
  })

  it('gives the numbers of a refused batch to the next one', () => {
    const lane = new Lane('words', 0, writers, keep)
    const failed: unknown[] = []
    const delivery: Delivery = { delivered: keep, failed: (_error, origin) => failed.push(origin) }
    const leader = new Leader()
    lane.append(record('a'), delivery, 'a', systemClock)
    leader.append(lane.take(id(1))?.bytes ?? Buffer.alloc(0))
    lane.arrived(0)
    lane.append(record('refused'), delivery, 'refused', systemClock)
    lane.take(id(1))
    lane.refused(error)
    lane.append(record('b'), delivery, 'b', systemClock)

    expect(leader.append(lane.take(id(1))?.bytes ?? Buffer.alloc(0))).toEqual({ baseOffset: 1 })
    expect(failed).toEqual(['refused'])
  })

  it('sends the same bytes until they are answered for', () => {
    const lane = new Lane('words', 0, writers, keep)
    lane.append(record('a'), { delivered: keep, failed: keep }, null, systemClock)

    const first = lane.take(id(1))?.bytes
    lane.append(record('b'), { delivered: keep, failed: keep }, null, systemClock)

    expect(lane.take(id(2))?.bytes).toBe(first)
  })

  type Step =
    | { readonly kind: 'append'; readonly count: number; readonly refuseAt: number }
    | { readonly kind: 'send'; readonly fate: 'answered' | 'lost before' | 'lost after' | 'given up' }

  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 8 }), refuseAt: fc.integer({ min: -12, max: 7 }) }),
    fc.record({
      kind: fc.constant('send' as const),
      fate: fc.constantFrom('answered' as const, 'lost before' as const, 'lost after' as const, 'given up' as const),
    }),
  )

  it('stores each record once and in order, whatever is lost, refused or given up', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const leader = new Leader()
        const told = new Map<string, 'failed' | number>()
        let weight = 0
        const lane = new Lane('words', 0, writers, (settled) => (weight -= settled))
        let [appended, producers] = [0, 1]
        const append = (refused: boolean): void => {
          const value = `${appended++}${refused ? '!' : ''}`
          const tell = (outcome: 'failed' | number): void => {
            expect(told.has(value)).toBe(false)
            told.set(value, outcome)
          }
          weight += lane.append(
            record(value),
            { delivered: (_count, _at, last) => tell(last), failed: () => tell('failed') },
            null,
            systemClock,
          )
        }
        const send = (fate: 'answered' | 'lost before' | 'lost after' | 'given up'): void => {
          const batch = lane.take(id(producers))
          if (batch === null) return
          const isRefused = readBatch(batch.bytes, 0, at).some((one) => one.utf8Value()?.endsWith('!') === true)
          if (fate === 'lost before') return void (batch.isUncertain = true)
          const answer = isRefused ? 'refused' : leader.append(batch.bytes)
          if (fate === 'lost after') return void (batch.isUncertain = true)
          if (fate === 'given up') {
            batch.isUncertain = true
            lane.abandoned(error)
            producers += 1
          } else if (answer === 'refused') {
            if (!lane.split(null)) lane.refused(error)
          } else {
            if (answer === 'out of order') throw new Error('the leader saw a gap in the sequence')
            lane.arrived(answer.baseOffset)
          }
        }
        for (const one of steps) {
          if (one.kind === 'append') for (let i = 0; i < one.count; i++) append(i === one.refuseAt)
          else send(one.fate)
        }
        while (!lane.isEmpty) send('answered')

        expect(told.size).toBe(appended)
        expect(weight).toBe(0)
        const numbers = leader.log.map(Number)
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
        const stored = [...told].filter(([, outcome]) => outcome !== 'failed').map(([value]) => value)
        expect(stored.filter((value) => !leader.log.includes(value))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })
})

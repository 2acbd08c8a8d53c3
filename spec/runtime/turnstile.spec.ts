import { noHeaders } from '../../lib/core/headers.js'
import { Rec } from '../../lib/core/record.js'
import { Standstill } from '../../lib/runtime/standstill.js'
import type { Inlet } from '../../lib/runtime/outlet.js'
import { Ticket, Turnstile } from '../../lib/runtime/turnstile.js'
import type { Batch, Receipt } from '../../lib/topology/operator.js'
import { countedReceipts } from '../support/working-task.js'

const recordAt = (value: string, offset: number): Rec<string, string> => {
  const origin = { topic: 'topic', partition: 0, offset, timestamp: 0, key: null, value: null, headers: noHeaders }
  return new Rec('k', value, 0, null, origin)
}

/** A turnstile with two ways into one place, and what has passed it there. */
const turnstile = (sorts = false) => {
  const { begin, answered } = countedReceipts()
  const passed: string[] = []
  const standstill = new Standstill()
  const made = new Turnstile(sorts, standstill)
  const inlet = ({ records, receipt }: Batch): void => {
    passed.push(records.map(({ value }) => String(value)).join(' '))
    receipt.done()
  }
  const take = (name: string): Ticket => Ticket.for(begin(name), [made]) as Ticket
  const batch = (receipt: Receipt, values: Readonly<Record<string, number>>): Batch => ({
    records: Object.entries(values).map(([value, offset]) => recordAt(value, offset)),
    receipt,
  })
  const arrive = (ticket: Ticket, values: Readonly<Record<string, number>>, place = 0): void =>
    ticket.leave(new Set([made]), { turnstile: made, place }, batch(ticket, values), inlet)
  const goElsewhere = (ticket: Ticket): void => ticket.leave(new Set([made]), null, batch(ticket, {}), ({ receipt }) => receipt.done())
  return { made, standstill, passed, answered, take, arrive, goElsewhere }
}

describe('a turnstile', () => {
  it('lets through in the order in which was taken, whatever comes first', () => {
    const { take, arrive, passed, answered } = turnstile()
    const [first, second, third] = [take('first'), take('second'), take('third')]
    arrive(third, { c: 2 })
    arrive(second, { b: 1 })
    expect(passed).toEqual([])
    arrive(first, { a: 0 })

    expect(passed).toEqual(['a', 'b', 'c'])
    expect(answered).toEqual(['first', 'second', 'third'])
  })

  it('lets the first through in parts, and the next when all of it has come', () => {
    const { take, arrive, passed } = turnstile()
    const [first, second] = [take('first'), take('second')]
    first.hold(1)
    arrive(first, { a: 0 })
    arrive(second, { c: 2 })
    expect(passed).toEqual(['a'])
    arrive(first, { b: 1 })

    expect(passed).toEqual(['a', 'b', 'c'])
  })

  it('does not wait for what has gone elsewhere, or is done with', () => {
    const { take, arrive, goElsewhere, passed, answered } = turnstile()
    const [first, second, third] = [take('first'), take('second'), take('third')]
    arrive(third, { c: 2 })
    goElsewhere(first)
    second.done()

    expect(passed).toEqual(['c'])
    expect(answered).toEqual(['first', 'second', 'third'])
  })

  it('sorts what comes of one batch by record, and of one record by way', () => {
    const { take, arrive, passed, answered } = turnstile(true)
    const first = take('first')
    first.hold(1)
    arrive(first, { b: 1, c: 2 }, 1)
    expect(passed).toEqual([])
    arrive(first, { a: 0, "b'": 1 }, 0)

    expect(passed).toEqual(["a b' b c"])
    expect(answered).toEqual(['first'])
  })

  it('gives each place what comes before what the next one gets', () => {
    const { made, take, passed, answered } = turnstile(true)
    const [one, other] = ['one', 'other'].map((name) => ({ records, receipt }: Batch): void => {
      passed.push(`${name}: ${records.map(({ value }) => String(value)).join(' ')}`)
      receipt.done()
    }) as [Inlet, Inlet]
    const first = take('first')
    first.hold(1)
    const records = (...values: readonly string[]): Batch => ({
      records: values.map((v) => recordAt(v, Number(v.slice(1)))),
      receipt: first,
    })
    first.leave(new Set([made]), { turnstile: made, place: 1 }, records('b0', 'b1', 'b3'), other)
    first.leave(new Set([made]), { turnstile: made, place: 0 }, records('a0', 'a2'), one)

    expect(passed).toEqual(['one: a0', 'other: b0 b1', 'one: a2', 'other: b3'])
    expect(answered).toEqual(['first'])
  })

  it('keeps the order it has found when it has to stand still', () => {
    const { made, standstill, passed, take } = turnstile(true)
    const [one, other] = ['one', 'other'].map((name) => ({ records, receipt }: Batch): void => {
      passed.push(`${name}: ${records.map(({ value }) => String(value)).join(' ')}`)
      receipt.done()
    }) as [Inlet, Inlet]
    const first = take('first')
    first.hold(2)
    const release = standstill.begin()
    const arriveAt = (place: number, inlet: Inlet, value: string): void =>
      first.leave(
        new Set([made]),
        { turnstile: made, place },
        { records: [recordAt(value, Number(value.slice(1)))], receipt: first },
        inlet,
      )
    arriveAt(0, one, 'a2')
    arriveAt(1, other, 'b2')
    arriveAt(2, one, 'c1')
    expect(passed).toEqual([])
    release(() => undefined)

    expect(passed).toEqual(['one: c1 a2', 'other: b2'])
  })

  it('lets nothing through while the task stands still, nor anything later before it', () => {
    const { standstill, take, arrive, passed } = turnstile()
    const [first, second] = [take('first'), take('second')]
    const release = standstill.begin()
    standstill.whenOver(() => arrive(second, { b: 1 }))
    arrive(first, { a: 0 })
    expect(passed).toEqual([])
    release(() => undefined)

    expect(passed).toEqual(['a', 'b'])
  })

  it('goes on after an inlet that has thrown', () => {
    const { made, take, passed, arrive } = turnstile()
    const [first, second] = [take('first'), take('second')]
    const thrower = (): void => {
      throw new Error('no')
    }
    expect(() => first.leave(new Set([made]), { turnstile: made, place: 0 }, { records: [], receipt: first }, thrower)).toThrow('no')
    first.done()
    arrive(second, { b: 1 })

    expect(passed).toEqual(['b'])
  })
})

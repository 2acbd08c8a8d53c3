import fc from 'fast-check'
import { codec, type Windowed } from 'millrace'
import { openMemoryFile } from '../../lib/state/memory.js'
import { Overlay } from '../../lib/state/overlay.js'
import { sessionCodec, sessionLookup, type SessionRow } from '../../lib/table/windowed/session-rows.js'

type Session = Windowed<string> & { readonly born: number; readonly value: number }

const shown = codec.windowed(codec.string)
const spec = { name: 'sessions', key: codec.windowed(codec.string, 0), value: sessionCodec(codec.number), kind: 'memory' as const }

/** Committed rows of these sessions, as a query sees them. */
const viewOf = (sessions: readonly Session[]) => {
  const file = openMemoryFile()
  const overlay = new Overlay<Windowed<string>, SessionRow<number>>({ store: file.store(spec.name), key: spec.key, value: spec.value })
  for (const { key, start, end, born, value } of sessions) overlay.insert({ key, start: born, end: born }, { start, end, value }, end)
  file.commit(() => overlay.flush())
  overlay.flushed()
  return sessionLookup(spec, shown).open({ store: () => overlay.committed as never })
}

/** Keys that begin alike, with sessions that follow one another, and began anywhere within themselves. */
const sessions: fc.Arbitrary<readonly Session[]> = fc
  .dictionary(
    fc.stringMatching(/^[ab]{0,3}$/),
    fc.array(
      fc.record({ pause: fc.integer({ min: 1, max: 300 }), length: fc.nat(300), born: fc.double({ min: 0, max: 1, noNaN: true }) }),
      {
        maxLength: 5,
      },
    ),
  )
  .map((byKey) =>
    Object.entries(byKey).flatMap(([key, all]) => {
      let at = 0
      return all.map(({ pause, length, born }, value): Session => {
        const start = at + pause
        at = start + length
        return { key, start, end: at, born: start + Math.floor(born * length), value }
      })
    }),
  )
const bytes = ({ key, start, end }: Windowed<string>): Buffer => Buffer.from(shown.encode({ key, start, end }) ?? [])

describe('sessions, as a query sees them,', () => {
  it('are found by what they are now, and in the order of their keys as topics have them, between any bounds', () => {
    const bound = fc.option(
      fc.oneof(
        fc.record({ key: fc.stringMatching(/^[ab]{0,3}$/), start: fc.nat(900), end: fc.nat(900) }).map(bytes),
        fc.stringMatching(/^[ab]{0,3}$/).map((key) => Buffer.from(key)),
      ),
      { nil: undefined },
    )
    fc.assert(
      fc.property(sessions, bound, bound, fc.boolean(), (all, from, to, reverse) => {
        const view = viewOf(all)
        const expected = all
          .map((session) => ({ session, at: bytes(session) }))
          .filter(({ at }) => (!from || at.compare(from) >= 0) && (!to || at.compare(to) < 0))
          .sort((a, b) => a.at.compare(b.at) * (reverse ? -1 : 1))

        const found = [...view.entries({ ...(from && { from }), ...(to && { to }), reverse })]

        expect(found).toEqual(
          expected.map(({ session: { key, start, end, value }, at }) => [{ key, start, end }, { value, timestamp: end }, at]),
        )
        for (const { key, start, end, value } of all) expect(view.get({ key, start, end })).toEqual({ value, timestamp: end })
      }),
      { numRuns: 500 },
    )
  })

  it('are not found by what they were', () => {
    const view = viewOf([{ key: 'a', start: 5, end: 20, born: 10, value: 1 }])

    expect(view.get({ key: 'a', start: 10, end: 20 })).toBeUndefined()
    expect(view.get({ key: 'a', start: 5, end: 15 })).toBeUndefined()
    expect(view.get({ key: 'b', start: 5, end: 20 })).toBeUndefined()
  })

  it('are written with a result of null as a row that is not there', () => {
    const optional = sessionCodec(codec.nullable(codec.string))

    expect(optional.encode({ start: 1, end: 2, value: null })).toBeNull()
    expect(optional.decode(optional.encode({ start: 1, end: 2, value: 'x' }))).toEqual({ start: 1, end: 2, value: 'x' })
  })
})

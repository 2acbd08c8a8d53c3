import fc from 'fast-check'
import { codec } from 'millrace'
import { JoinBuffer } from '../../lib/join/join-buffer.js'
import { waitingCodec } from '../../lib/join/waiting-codec.js'
import { openMemoryFile } from '../../lib/state/memory.js'
import { Overlay } from '../../lib/state/overlay.js'

const retentionMs = 100

/** A buffer over a store, which survives `reopened`. */
const opened = () => {
  const file = openMemoryFile()
  const store = file.store('buffer')
  const open = () => new Overlay({ store, key: codec.number, value: waitingCodec(codec.string) })
  let overlay = open()
  let buffer = new JoinBuffer(overlay, retentionMs, retentionMs)
  const add = (id: string, time: number): void => {
    const isBuffered = buffer.keeps(time, Math.max(buffer.time, time))
    if (isBuffered) buffer.add({ time, id, value: `${id}${time}`, bytes: Buffer.from(`${id}${time}`), isBuffered, parkedHeaders: null })
    buffer.advanceTo(time)
  }
  const commit = (): void => {
    overlay.dirty()
    file.commit(() => overlay.flush())
    overlay.flushed()
  }
  const reopen = (): void => {
    const time = overlay.streamTime
    overlay = open()
    overlay.recoverTime(time)
    buffer = new JoinBuffer(overlay, retentionMs, retentionMs)
  }
  const found = (id: string, from: number, to: number): string[] => {
    const places: number[] = []
    buffer.matching(id, from, to, places)
    return places.map((place) => buffer.rowOf(place).value)
  }
  return { add, commit, reopen, found, rows: () => store.count() }
}

describe('the buffer of a join', () => {
  it('finds the records of a key between two times, in order of time and arrival, over restarts', () => {
    const record = fc.record({ id: fc.constantFrom('a', 'b', 'ab'), time: fc.nat(400), isCommit: fc.boolean() })
    fc.assert(
      fc.property(fc.array(record, { maxLength: 80 }), (records) => {
        const buffer = opened()
        let all: { id: string; time: number }[] = []
        let newest = 0
        for (const { id, time, isCommit } of records) {
          buffer.add(id, time)
          newest = Math.max(newest, time)
          all = [...all, { id, time }].filter((one) => one.time + retentionMs > newest)
          if (isCommit) {
            buffer.commit()
            buffer.reopen()
          }
          const expected = all.filter((one) => one.id === id && one.time >= time - 50 && one.time <= time + 50)
          expect(buffer.found(id, time - 50, time + 50)).toEqual(
            expected.toSorted((a, b) => a.time - b.time).map((one) => `${one.id}${one.time}`),
          )
        }
      }),
    )
  })

  it('keeps no more rows than it holds records at a time: one that comes is written over one that has left', () => {
    const buffer = opened()
    for (let time = 0; time < 20_000; time++) {
      buffer.add(`k${time}`, time)
      if (time % 50 === 0) buffer.commit()
    }
    expect(buffer.rows()).toBe(retentionMs + 1)
  })

  it('goes on so after a restart', () => {
    const buffer = opened()
    for (let time = 0; time < 5000; time++) {
      buffer.add(`k${time}`, time)
      if (time % 500 !== 0) continue
      buffer.commit()
      buffer.reopen()
    }
    expect(buffer.rows()).toBe(retentionMs + 1)
  })

  it('deletes, a few with each record, the rows that a flood has left behind', () => {
    const buffer = opened()
    for (let i = 0; i < 10_000; i++) buffer.add(`k${i}`, 0)
    buffer.commit()
    expect(buffer.rows()).toBe(10_000)
    for (let i = 0; i < 5000; i++) buffer.add('k', 1000 + i)
    buffer.commit()
    expect(buffer.rows()).toBeLessThanOrEqual(1024 + 2 * (retentionMs + 1))
  })
})

import { join } from 'node:path'
import fc from 'fast-check'
import { systemClock } from '../../lib/core/clock.js'
import { codec, type Codec } from '../../lib/core/codec.js'
import { openLmdbFile } from '../../lib/state/lmdb.js'
import { openMemoryFile } from '../../lib/state/memory.js'
import { Overlay } from '../../lib/state/overlay.js'
import type { StateFile } from '../../lib/state/port.js'
import { tempFolder } from './temp-folder.js'

const counts = () => {
  const file = openMemoryFile()
  const store = file.store('counts')
  return { file, store, overlay: new Overlay({ store, key: codec.string, value: codec.number }) }
}
const commit = (file: StateFile, overlay: { flush(): void; flushed(): void }): void => {
  file.commit(() => overlay.flush())
  overlay.flushed()
}

describe('Overlay', () => {
  it('reads its own writes, and writes nothing before the commit', () => {
    const { file, store, overlay } = counts()

    overlay.set('mill', 1, 10)
    overlay.set('mill', 2, 20)

    expect(overlay.get('mill')).toEqual({ value: 2, timestamp: 20 })
    expect(overlay.committed.get('mill')).toBeUndefined()
    expect(store.count()).toBe(0)

    commit(file, overlay)
    expect(store.get(Buffer.from('mill'))).toEqual({ value: codec.number.encode(2), timestamp: 20 })
    expect(overlay.committed.get('mill')).toEqual({ value: 2, timestamp: 20 })
    expect(overlay.dirtyCount).toBe(0)
  })

  it('keeps rows that only the holder of their places knows, one after the other under the same key too', () => {
    const { file, store, overlay } = counts()
    const first = overlay.insert('mill', 1, 10)
    overlay.set('mill', 2, 20, first)
    expect(overlay.get('mill', first)).toEqual({ value: 2, timestamp: 20 })
    commit(file, overlay)
    expect(overlay.committed.get('mill')).toEqual({ value: 2, timestamp: 20 })

    overlay.delete('mill', 30, first)
    const second = overlay.insert('mill', 3, 40)
    expect(overlay.get('mill', first)).toBeUndefined()
    expect(overlay.get('mill', second)).toEqual({ value: 3, timestamp: 40 })
    commit(file, overlay)

    expect(store.get(Buffer.from('mill'))).toEqual({ value: codec.number.encode(3), timestamp: 40 })
    expect(overlay.committed.get('mill')).toEqual({ value: 3, timestamp: 40 })
    overlay.delete('mill', 50, second)
    commit(file, overlay)
    expect([overlay.committed.get('mill'), store.count()]).toEqual([undefined, 0])
  })

  it('finds them by their keys where lookups are expected', () => {
    const { file, overlay } = counts()
    overlay.expectLookups()
    expect(overlay.get('mill')).toBeUndefined()
    const place = overlay.insert('mill', 1, 10)
    expect(overlay.get('mill')).toEqual({ value: 1, timestamp: 10 })
    commit(file, overlay)
    overlay.set('mill', 2, 20, place)

    expect(overlay.get('mill')).toEqual({ value: 2, timestamp: 20 })
    expect(overlay.committed.get('mill')).toEqual({ value: 1, timestamp: 10 })
  })

  it('tells a query what the file has, also of a key that was looked for before it was inserted', () => {
    const { file, overlay } = counts()
    expect(overlay.get('mill')).toBeUndefined()
    overlay.insert('mill', 1, 10)
    commit(file, overlay)

    expect(overlay.committed.get('mill')).toEqual({ value: 1, timestamp: 10 })
  })

  it('gives each changed key once, with the bytes that the file gets, tombstones included', () => {
    const { file, overlay } = counts()
    overlay.set('gone', 1, 1)
    commit(file, overlay)

    overlay.set('a', 1, 10)
    overlay.delete('gone', 11)
    overlay.set('a', 2, 12)

    expect(overlay.dirtyCount).toBe(2)
    expect(overlay.dirty()).toEqual([
      { key: Buffer.from('a'), value: codec.number.encode(2), timestamp: 12 },
      { key: Buffer.from('gone'), value: null, timestamp: 11 },
    ])
  })

  it('encodes a value once per commit', () => {
    const file = openMemoryFile()
    const encode = jest.fn(codec.number.encode)
    const overlay = new Overlay({ store: file.store('s'), key: codec.string, value: { ...codec.number, encode } })
    overlay.set('a', 1, 0)
    overlay.set('a', 2, 0)

    overlay.dirty()
    commit(file, overlay)

    expect(encode).toHaveBeenCalledTimes(1)
  })

  it('keeps what is written between dirty() and flushed() for the next commit', () => {
    const { file, store, overlay } = counts()
    overlay.set('a', 1, 1)
    overlay.dirty()

    overlay.set('a', 2, 2)
    overlay.set('b', 3, 3)
    commit(file, overlay)

    expect([...store.entries()].map(([key, row]) => [key.toString(), row.timestamp])).toEqual([['a', 1]])
    expect(overlay.get('a')).toEqual({ value: 2, timestamp: 2 })
    expect(overlay.committed.get('a')).toEqual({ value: 1, timestamp: 1 })
    expect(overlay.dirty().map(({ key, timestamp }) => [key.toString(), timestamp])).toEqual([
      ['a', 2],
      ['b', 3],
    ])
  })

  it('drops to the last commit, and may commit after that', () => {
    const { file, overlay } = counts()
    overlay.set('a', 1, 1)
    commit(file, overlay)
    overlay.set('a', 2, 2)
    overlay.set('b', 2, 2)
    overlay.dirty()

    overlay.drop()

    expect([overlay.get('a')?.value, overlay.get('b'), overlay.dirtyCount, overlay.dirtyBytes]).toEqual([1, undefined, 0, 0])
    overlay.set('a', 5, 5)
    commit(file, overlay)
    expect(overlay.committed.get('a')).toEqual({ value: 5, timestamp: 5 })
  })

  it('is still dirty after a commit that failed', () => {
    const { file, overlay } = counts()
    overlay.set('a', 1, 1)

    expect(() =>
      file.commit(() => {
        overlay.flush()
        throw new Error('disk full')
      }),
    ).toThrow('disk full')

    expect([overlay.dirtyCount, overlay.committed.get('a')]).toEqual([1, undefined])
    commit(file, overlay)
    expect(overlay.committed.get('a')).toEqual({ value: 1, timestamp: 1 })
  })

  it('takes the same value at the same time for no change, but writes an object that may have been changed in place', () => {
    const file = openMemoryFile()
    const overlay = new Overlay({ store: file.store('s'), key: codec.string, value: codec.json<unknown>() })
    const list = ['a']
    const frozen = Object.freeze(['a'])
    overlay.set('text', 'a', 1)
    overlay.set('list', list, 1)
    overlay.set('frozen', frozen, 1)
    commit(file, overlay)

    overlay.set('text', 'a', 1)
    overlay.set('frozen', frozen, 1)
    expect(overlay.dirtyCount).toBe(0)
    list.push('b')
    overlay.set('list', list, 1)
    overlay.set('text', 'a', 2)
    expect(overlay.dirty().map(({ key }) => key.toString())).toEqual(['list', 'text'])
  })

  it('leaves entries that were given out as they are', () => {
    const { overlay } = counts()
    overlay.set('a', 1, 1)
    const before = overlay.get('a')
    overlay.set('a', 2, 2)
    expect(before).toEqual({ value: 1, timestamp: 1 })
  })

  it('makes no tombstone for a row that was never there', () => {
    const { overlay } = counts()
    overlay.delete('a', 1)
    expect(overlay.dirtyCount).toBe(0)
  })

  it('takes a value that its codec writes as null for a deletion', () => {
    const file = openMemoryFile()
    const overlay = new Overlay({ store: file.store('s'), key: codec.string, value: codec.nullable(codec.number) })
    overlay.set('a', 1, 1)
    commit(file, overlay)
    overlay.set('a', null, 2)
    commit(file, overlay)
    expect([overlay.get('a'), overlay.committed.get('a')]).toEqual([undefined, undefined])
  })

  it('asks the file once for a key that is not there', () => {
    const { store, overlay } = counts()
    const get = jest.spyOn(store, 'get')
    overlay.get('a')
    overlay.get('b')
    overlay.get('a')
    expect(get).toHaveBeenCalledTimes(2)
  })

  it('knows a key again that its codec writes as the text it is', () => {
    const overlay = new Overlay({ store: openMemoryFile().store('words'), key: codec.nullable(codec.string), value: codec.number })
    overlay.set('mill', 1, 10)

    expect(overlay.get('mill')).toEqual({ value: 1, timestamp: 10 })
    overlay.delete('mill', 20)
    expect(overlay.get('mill')).toBeUndefined()
    expect(overlay.dirty()).toHaveLength(1)
  })
  it('keeps 0 apart from -0, and takes halves of surrogate pairs for the one key they are written as', () => {
    const file = openMemoryFile()
    const numbers = new Overlay({ store: file.store('n'), key: codec.number, value: codec.string })
    const strings = new Overlay({ store: file.store('s'), key: codec.string, value: codec.string })

    numbers.set(0, 'zero', 1)
    numbers.set(-0, 'minus zero', 1)
    strings.set('\ud800', 'high', 1)
    strings.set('\udc00', 'low', 1)

    expect([numbers.get(0)?.value, numbers.get(-0)?.value, numbers.dirtyCount]).toEqual(['zero', 'minus zero', 2])
    expect([strings.get('\ud800')?.value, strings.get('\ufffd')?.value, strings.dirtyCount]).toEqual(['low', 'low', 1])
  })

  it('forgets clean entries that were not used for long, never dirty ones', () => {
    const file = openMemoryFile()
    const store = file.store('s')
    const overlay = new Overlay({ store, key: codec.number, value: codec.number, maxCached: 20 })
    overlay.set(-1, 1, 1)
    commit(file, overlay)
    overlay.set(-2, 2, 2)
    for (let i = 1; i <= 100; i++) {
      overlay.get(i)
      overlay.get(-1)
    }

    const get = jest.spyOn(store, 'get')
    for (const key of [-1, -2, 100, 95]) overlay.get(key)
    expect(get).not.toHaveBeenCalled()
    for (let i = 1; i <= 80; i++) overlay.get(i)
    expect(get).toHaveBeenCalledTimes(80)
  })
})

describe('Overlay, whatever is done to it', () => {
  const json = codec.json<unknown>()
  const kinds = {
    string: { codec: codec.string as Codec<unknown>, keys: ['', 'a', 'b', 'ab', 'é', '\u{1f600}', 'z'.repeat(1979), 'z'.repeat(1980)] },
    number: { codec: codec.number as Codec<unknown>, keys: [0, -0, 1, -1, 0.5, Infinity, NaN, 1e300] },
    object: { codec: json, keys: [{ a: 1 }, { a: 2 }, [1], 'text'] },
  }
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), key: fc.nat(), value: fc.nat(3), timestamp: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key: fc.nat(), timestamp: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('get' as const), key: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'drop' as const, 'fail' as const, 'restart' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('range' as const),
        from: fc.option(fc.nat()),
        to: fc.option(fc.nat()),
        reverse: fc.boolean(),
      }),
    },
  )
  type Model = Map<string, readonly [value: number, timestamp: number]>

  const run = (
    file: StateFile,
    kind: keyof typeof kinds,
    maxCached: number,
    actions: readonly (typeof action extends fc.Arbitrary<infer T> ? T : never)[],
  ): void => {
    const { codec: keyCodec, keys } = kinds[kind]
    const options = { store: file.store('s'), key: keyCodec, value: json as Codec<number>, maxCached }
    let overlay = new Overlay(options)
    let live: Model = new Map()
    let committed: Model = new Map()
    const keyOf = (n: number): unknown => keys[n % keys.length]
    const textOf = (key: unknown): string => Buffer.from(keyCodec.encode(key) ?? []).toString('latin1')
    for (const step of actions) {
      const key = 'key' in step ? keyOf(step.key) : undefined
      const text = textOf(key ?? keyOf(0))
      if (step.do === 'set') {
        overlay.set(key, step.value, step.timestamp)
        live.set(text, [step.value, step.timestamp])
      } else if (step.do === 'delete') {
        overlay.delete(key, step.timestamp)
        live.delete(text)
      } else if (step.do === 'get') {
        expect(pair(overlay.get(key))).toEqual(live.get(text))
        expect(pair(overlay.committed.get(key))).toEqual(committed.get(text))
      } else if (step.do === 'commit') {
        const dirty = [...overlay.dirty()]
        expect(dirty.length).toBe(overlay.dirtyCount)
        commit(file, overlay)
        for (const row of dirty) expect(file.store('s').get(row.key)?.value ?? null).toEqual(row.value)
        committed = new Map(live)
      } else if (step.do === 'fail') {
        expect(() =>
          file.commit(() => {
            overlay.flush()
            throw new Error('no')
          }),
        ).toThrow('no')
      } else if (step.do === 'range') {
        const bound = (n: number | null): Buffer | undefined => (n === null ? undefined : Buffer.from(textOf(keyOf(n)), 'latin1'))
        const [from, to] = [bound(step.from), bound(step.to)]
        const range = { ...(from && { from }), ...(to && { to }), reverse: step.reverse }
        expect(rows(overlay.entries(range))).toEqual(inRange(live, range))
        expect(rows(overlay.committed.entries(range))).toEqual(inRange(committed, range))
      } else {
        if (step.do === 'drop') overlay.drop()
        else overlay = new Overlay(options)
        live = new Map(committed)
      }
    }
  }
  const pair = (entry: { readonly value: number; readonly timestamp: number } | undefined) => entry && [entry.value, entry.timestamp]
  const rows = (found: Iterable<readonly [unknown, { readonly value: number; readonly timestamp: number }, Uint8Array]>) =>
    [...found].map(([, entry, key]) => [Buffer.from(key).toString('latin1'), entry.value, entry.timestamp])
  const inRange = (model: Model, { from, to, reverse }: { from?: Buffer; to?: Buffer; reverse: boolean }) => {
    const sorted = [...model]
      .filter(([key]) => (!from || key >= from.toString('latin1')) && (!to || key < to.toString('latin1')))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, [value, timestamp]]) => [key, value, timestamp])
    return reverse ? sorted.reverse() : sorted
  }
  const anyRun = (make: () => StateFile) =>
    fc.property(
      fc.constantFrom('string' as const, 'number' as const, 'object' as const),
      fc.constantFrom(0, 1, 3, 100),
      fc.array(action, { maxLength: 60 }),
      (kind, maxCached, actions) => {
        const file = make()
        run(file, kind, maxCached, actions)
        file.destroy()
      },
    )

  it('is a map over a map in memory', () => {
    fc.assert(anyRun(openMemoryFile), { numRuns: 500 })
  })

  it('is a map over a map in LMDB', () => {
    fc.assert(
      anyRun(() => openLmdbFile(join(tempFolder(), 'task'), { identity: { app: 'a', task: 't', format: 1 }, clock: systemClock }).file),
      { numRuns: 50 },
    )
  })
})

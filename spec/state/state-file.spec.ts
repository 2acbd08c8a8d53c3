import { join } from 'node:path'
import fc from 'fast-check'
import { systemClock } from '../../lib/core/clock.js'
import { openLmdbFile } from '../../lib/state/lmdb.js'
import { openMemoryFile } from '../../lib/state/memory.js'
import type { ByteRange, ByteStore, StateFile } from '../../lib/state/port.js'
import { tempFolder } from './temp-folder.js'

const identity = { app: 'word-count', task: 'lines-3', format: 1 }
const engines = [
  {
    engine: 'lmdb',
    make: () => {
      const folder = join(tempFolder(), 'task')
      const open = (): StateFile => openLmdbFile(folder, { identity, clock: systemClock }).file
      return { open, reopen: open }
    },
  },
  // What a restart finds of it is nothing, so the model keeps the same file open.
  {
    engine: 'memory',
    make: () => {
      const file = openMemoryFile()
      return { open: () => file, reopen: () => file }
    },
  },
]

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const row = (value: string, timestamp = 0) => ({ value: bytes(value), timestamp })
const keysOf = (store: ByteStore, range?: ByteRange): string[] => [...store.entries(range)].map(([key]) => key.toString('latin1'))

describe.each(engines)('StateFile in $engine', ({ make }) => {
  it('shows the rows of a commit with their times, and copies what it was given', () => {
    const file = make().open()
    const store = file.store('words')
    const key = bytes('mill')
    const value = bytes('3')

    file.commit(() => store.put(key, { value, timestamp: 1_700_000_000_000.5 }))
    key.fill(0)
    value.fill(0)

    expect(store.get(bytes('mill'))).toEqual({ value: bytes('3'), timestamp: 1_700_000_000_000.5 })
    expect(store.get(bytes('race'))).toBeUndefined()
    file.close()
  })

  it('keeps rows it has given out as they are', () => {
    const file = make().open()
    const store = file.store('words')
    file.commit(() => {
      store.put(bytes('a'), row('1'))
      store.put(bytes('b'), row('2'))
    })

    const a = store.get(bytes('a'))
    const all = [...store.entries()]
    store.get(bytes('b'))
    file.commit(() => store.put(bytes('a'), row('9')))

    expect(a).toEqual(row('1'))
    expect(all).toEqual([
      [bytes('a'), row('1')],
      [bytes('b'), row('2')],
    ])
    file.close()
  })

  it('takes nothing of a commit that throws, in any store or meta, and throws on what was thrown', () => {
    const file = make().open()
    const [a, b] = [file.store('a'), file.store('b')]
    file.commit(() => {
      a.put(bytes('x'), row('1'))
      file.meta.put('offset', 1)
    })
    const error = new Error('user code')

    expect(() =>
      file.commit(() => {
        a.remove(bytes('x'))
        a.put(bytes('y'), row('2'))
        b.put(bytes('z'), row('3'))
        b.clear()
        a.clear()
        file.meta.put('offset', 2)
        throw error
      }),
    ).toThrow(error)

    expect([keysOf(a), keysOf(b), file.meta.get('offset')]).toEqual([['x'], [], 1])
    file.close()
  })

  it('reads its own writes inside a commit', () => {
    const file = make().open()
    const store = file.store('words')
    file.commit(() => {
      store.put(bytes('a'), row('1'))
      file.meta.put('m', { n: 1 })
      expect(store.get(bytes('a'))).toEqual(row('1'))
      expect(keysOf(store)).toEqual(['a'])
      expect(file.meta.get('m')).toEqual({ n: 1 })
    })
    file.close()
  })

  it('refuses writes outside of a commit, a commit in a commit, and an asynchronous one', () => {
    const file = make().open()
    const store = file.store('words')

    expect(() => store.put(bytes('a'), row('1'))).toThrow('inside commit()')
    expect(() => store.remove(bytes('a'))).toThrow('inside commit()')
    expect(() => store.clear()).toThrow('inside commit()')
    expect(() => file.meta.put('a', 1)).toThrow('inside commit()')
    expect(() =>
      file.commit(() => {
        store.put(bytes('a'), row('1'))
        file.commit(() => undefined)
      }),
    ).toThrow('inside commit()')
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- what a caller in JavaScript may do
    expect(() => file.commit(async () => store.put(bytes('a'), row('1')))).toThrow('async')
    expect(store.count()).toBe(0)
    file.close()
  })

  it('goes on with a range that is held across commits', () => {
    const file = make().open()
    const store = file.store('words')
    const name = (i: number): string => `k${String(i).padStart(5, '0')}`
    file.commit(() => {
      for (let i = 0; i < 3000; i++) store.put(bytes(name(i)), row('1'))
    })

    const seen: string[] = []
    for (const [key] of store.entries()) {
      seen.push(key.toString())
      if (seen.length === 10)
        file.commit(() => {
          for (let i = 0; i < 3000; i += 2) store.remove(bytes(name(i)))
          store.put(bytes('zz'), row('1'))
        })
    }

    expect(seen).toEqual([...new Set(seen)].sort())
    expect(seen.filter((key) => Number(key.slice(1)) % 2 !== 0)).toEqual([...Array.from({ length: 1500 }, (_, i) => name(2 * i + 1)), 'zz'])
    expect(seen).not.toContain(name(2998))
    file.close()
  })

  it('is a map of maps, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const at = make()
        const world = { file: at.open(), reopen: at.reopen, model: new Map<string, string>(), meta: undefined as unknown }
        for (const name of storeNames) world.file.store(name)
        for (const step of actions) play(world, step)
        for (const name of storeNames) check(world, name, {})
        world.file.close()
      }),
      { numRuns: 150 },
    )
  })
})

// Keys of every length class; the long ones share their first 1900 bytes in pairs and more.
const lengths = [0, 1, 2, 1899, 1900, 1901, 1977, 1978, 1979, 5000]
const key = fc
  .record({ length: fc.constantFrom(...lengths), head: fc.constantFrom(0, 1, 0xff), tail: fc.constantFrom(0, 7, 0xff) })
  .map(({ length, head, tail }) => {
    const out = Buffer.alloc(length, head)
    if (length > 0) out[length - 1] = tail
    return out
  })
const storeNames = ['a', 'b'] as const
const store = fc.constantFrom(...storeNames)
const value = fc.uint8Array({ maxLength: 40 }).map((all) => Buffer.from(all).toString('latin1'))
const write = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), store, key, value, timestamp: fc.double({ noNaN: true }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), store, key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), store }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('meta' as const), value: fc.jsonValue() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('read' as const), store, range: fc.constant({}) }) },
)
const range = fc
  .record({ from: fc.option(key, { nil: undefined }), to: fc.option(key, { nil: undefined }), reverse: fc.boolean() })
  .map(({ from, to, reverse }): ByteRange => ({ ...(from && { from }), ...(to && { to }), reverse }))
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('commit' as const), writes: fc.array(write, { maxLength: 12 }), throws: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), store, range }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
)
type Write = typeof write extends fc.Arbitrary<infer T> ? T : never
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never
interface World {
  file: StateFile
  readonly reopen: () => StateFile
  /** `store/key` → `timestamp/value`. */
  model: Map<string, string>
  meta: unknown
}

const play = (world: World, step: Action): void => {
  if (step.kind === 'read') return check(world, step.store, step.range)
  if (step.kind === 'reopen') {
    world.file.close()
    world.file = world.reopen()
    for (const name of storeNames) world.file.store(name)
    return
  }
  const before = { model: new Map(world.model), meta: world.meta }
  const commit = (): void =>
    world.file.commit(() => {
      for (const one of step.writes) apply(world, one)
      if (step.throws) throw new Error('rolled back')
    })
  if (!step.throws) return commit()
  expect(commit).toThrow('rolled back')
  Object.assign(world, before)
}

const apply = (world: World, one: Write): void => {
  if (one.kind === 'read') return check(world, one.store, one.range)
  if (one.kind === 'meta') {
    world.file.meta.put('value', one.value)
    world.meta = JSON.parse(JSON.stringify(one.value))
    return
  }
  const target = world.file.store(one.store)
  if (one.kind === 'clear') {
    target.clear()
    for (const id of [...world.model.keys()]) if (id.startsWith(`${one.store}/`)) world.model.delete(id)
    return
  }
  const id = `${one.store}/${one.key.toString('latin1')}`
  if (one.kind === 'remove') {
    target.remove(one.key)
    world.model.delete(id)
  } else {
    target.put(one.key, { value: Buffer.from(one.value, 'latin1'), timestamp: one.timestamp })
    world.model.set(id, `${one.timestamp}/${one.value}`)
  }
}

const check = (world: World, name: string, { from, to, reverse }: ByteRange): void => {
  const target = world.file.store(name)
  const all = [...world.model].filter(([id]) => id.startsWith(`${name}/`)).map(([id, text]) => [id.slice(2), text] as const)
  const wanted = all
    .filter(([id]) => (!from || id >= Buffer.from(from).toString('latin1')) && (!to || id < Buffer.from(to).toString('latin1')))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  if (reverse === true) wanted.reverse()
  const range: ByteRange = { ...(from && { from }), ...(to && { to }), ...(reverse !== undefined && { reverse }) }
  const found = [...target.entries(range)].map(
    ([id, { value, timestamp }]) => [id.toString('latin1'), `${timestamp}/${Buffer.from(value).toString('latin1')}`] as const,
  )
  expect(found).toEqual(wanted)
  expect(target.count()).toBe(all.length)
  for (const [id, text] of all) {
    const read = target.get(Buffer.from(id, 'latin1'))
    expect(read && `${read.timestamp}/${Buffer.from(read.value).toString('latin1')}`).toBe(text)
  }
  expect(world.file.meta.get('value')).toEqual(world.meta)
}

import fc from 'fast-check'
import { none, some, type Option } from 'fp-ts/lib/Option.js'
import * as v from 'valibot'
import { z } from 'zod'
import { codec, lossless, sameCodec, type Codec, type StandardSchema } from '../../lib/core/codec.js'
import { isMillraceError } from '../../lib/core/errors.js'
import type { Windowed } from '../../lib/core/record.js'

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'))
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8')
/** "CODE: message", without the hint. */
const failure = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (isMillraceError(error)) return `${error.code}: ${error.summary}`
    throw error
  }
  return 'nothing was thrown'
}
const roundTrips = <A>(c: Codec<A>, values: fc.Arbitrary<A>): void => {
  fc.assert(fc.property(values, (value) => expect(c.decode(c.encode(value))).toEqual(value)))
}

describe('codec.string', () => {
  it('is UTF-8', () => {
    expect(hex(codec.string.encode('né€𝄞'))).toBe('6ec3a9e282acf09d849e')
    roundTrips(codec.string, fc.string({ unit: 'grapheme' }))
  })
  it('reads a view into a larger buffer', () => {
    expect(codec.string.decode(new Uint8Array(utf8('xword.')).subarray(1, 5))).toBe('word')
  })
  it('reads bytes that are not UTF-8 as U+FFFD, as the Java client does', () => {
    expect(codec.string.decode(Buffer.from('61ff62', 'hex'))).toBe('a\ufffdb')
  })
  it('keeps the empty string apart from null', () => {
    expect(codec.string.decode(Buffer.alloc(0))).toBe('')
    expect(failure(() => codec.string.decode(null))).toBe('MR_NULL: there is no value where string is expected')
    // @ts-expect-error null is not a string
    expect(failure(() => codec.string.encode(null))).toBe('MR_NULL: null is written with codec.string')
  })
  it('refuses to write anything else', () => {
    // @ts-expect-error 5 is not a string
    expect(failure(() => codec.string.encode(5))).toBe('MR_ENCODE: a value of type number is written with codec.string')
  })
})

describe('codec.number', () => {
  it('is a big-endian double', () => {
    expect(hex(codec.number.encode(1.5))).toBe('3ff8000000000000')
    roundTrips(codec.number, fc.double())
  })
  it('refuses bytes of another length', () => {
    expect(failure(() => codec.number.decode(utf8('12345')))).toBe('MR_DECODE: 5 bytes were found where number has 8')
    expect(failure(() => codec.number.decode(null))).toMatch(/^MR_NULL/)
  })
})

describe('codec.int64', () => {
  it('is a big-endian long', () => {
    expect(hex(codec.int64.encode(-2n))).toBe('fffffffffffffffe')
    roundTrips(codec.int64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
  })
  it('refuses bytes of another length', () => {
    expect(failure(() => codec.int64.decode(Buffer.alloc(9)))).toBe('MR_DECODE: 9 bytes were found where int64 has 8')
  })
  it('refuses what needs more than 64 bits', () => {
    expect(failure(() => codec.int64.encode(2n ** 63n))).toBe(
      'MR_ENCODE: 9223372036854775808 is written with codec.int64 and has more than 64 bits',
    )
  })
  it('refuses numbers', () => {
    // @ts-expect-error 5 is not a bigint
    expect(failure(() => codec.int64.encode(5))).toMatch(/^MR_ENCODE/)
  })
})

describe('codec.bytes', () => {
  it('gives back a copy, as what it reads may be a view of memory that is used again', () => {
    const batch = Buffer.from('0102', 'hex')
    const value = codec.bytes.decode(batch)
    batch.fill(9)
    expect(hex(value)).toBe('0102')
    expect(failure(() => codec.bytes.decode(null))).toMatch(/^MR_NULL/)
  })
})

describe('codec.none', () => {
  it('reads and writes null, whatever is there', () => {
    expect(codec.none.encode(null)).toBeNull()
    expect(codec.none.decode(utf8('a key'))).toBeNull()
  })
})

describe('codec.json', () => {
  it('writes what JSON.stringify writes', () => {
    expect(codec.json().encode({ a: [1, 'é'] })).toEqual(utf8('{"a":[1,"é"]}'))
    roundTrips(
      codec.json<unknown>(),
      fc
        .json()
        .map((text): unknown => JSON.parse(text))
        .filter((value) => value !== null),
    )
  })
  it('names the position of a syntax error, or shows the text around it', () => {
    expect(failure(() => codec.json().decode(utf8('{"user":"ada","amount":}')))).toMatch(
      /^MR_DECODE: the bytes are not JSON: Unexpected token '?}.*"amount":}/,
    )
    expect(failure(() => codec.json().decode(utf8(`{"user":"ada" "amount":5}`)))).toMatch(/^MR_DECODE: .*position 14, at ".*ada.*amount/)
    expect(failure(() => codec.json().decode(utf8('{"user":')))).toMatch(
      /^MR_DECODE: .*end of JSON input, at "\{\\"user\\":" \(position 8\)/,
    )
    expect(failure(() => codec.json().decode(Buffer.alloc(0)))).toMatch(/^MR_DECODE: .*end of JSON input/)
  })
  it('does not take null for a value, so that it is not mistaken for a deletion', () => {
    expect(failure(() => codec.json().decode(null))).toBe('MR_NULL: there is no value where JSON is expected')
    expect(failure(() => codec.json().encode(null))).toBe('MR_NULL: null is written with codec.json')
  })
  it.each([
    ['undefined', undefined, /^MR_ENCODE: undefined has no form in JSON/],
    ['a function', () => 1, /^MR_ENCODE: function has no form in JSON/],
    ['NaN', NaN, /^MR_ENCODE: NaN has no form in JSON/],
    ['an invalid date', new Date(NaN), /^MR_ENCODE: an object \(Date\) has no form in JSON/],
    ['a bigint within', { n: 1n }, /^MR_ENCODE: an object \(Object\) cannot be written as JSON: Do not know how to serialize a BigInt/],
  ])('refuses to write %s', (_, value, message) => {
    expect(failure(() => codec.json().encode(value))).toMatch(message)
  })
  it('refuses to write a circle', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(failure(() => codec.json().encode(circle))).toMatch(/^MR_ENCODE: .*circular/)
  })
})

const order = { user: 'ada', items: [{ price: 5 }] }
describe.each([
  ['zod', z.object({ user: z.string(), items: z.array(z.object({ price: z.number() })) })],
  ['valibot', v.object({ user: v.string(), items: v.array(v.object({ price: v.number() })) })],
] satisfies [string, StandardSchema<typeof order>][])('codec.json with a schema of %s', (vendor, schema: StandardSchema<typeof order>) => {
  const orders = codec.json(schema)
  it('reads what fits', () => {
    expect(orders.decode(orders.encode(order))).toEqual(order)
    expect(orders.name).toBe(`json(${vendor})`)
  })
  it('names path and issue of what does not', () => {
    expect(failure(() => orders.decode(utf8('{"user":"ada","items":[{"price":"5"}]}')))).toMatch(
      /^MR_SCHEMA: items\[0\]\.price: Invalid.* number/,
    )
  })
  it('names up to three issues', () => {
    const message = failure(() => orders.decode(utf8('{"items":[{},{},{}]}')))
    expect(message).toMatch(/^MR_SCHEMA: user: .*; items\[0\]\.price: .*; items\[1\]\.price: .*; and 1 more$/)
  })
})

describe('codec.json with a schema', () => {
  it('gives what the schema makes of the text', () => {
    const days = codec.json(z.object({ day: z.coerce.date() }))
    const value = { day: new Date(86_400_000) }
    expect(days.decode(days.encode(value))).toEqual(value)
  })
  it('refuses one that validates asynchronously, and swallows what comes of it', async () => {
    const slow = codec.json(
      v.pipeAsync(
        v.string(),
        v.checkAsync(async () => Promise.reject(new Error('too late'))),
      ),
    )
    expect(failure(() => slow.decode(utf8('"x"')))).toMatch(/^MR_SCHEMA: the valibot schema gave a promise, and decoding does not wait/)
    // Jest fails the file on an unhandled rejection.
    await new Promise(setImmediate)
  })
  it('takes a throw of the schema for a mismatch, with its cause', () => {
    const fragile = codec.json(
      v.pipe(
        v.string(),
        v.transform((text) => text.repeat(-1)),
      ),
    )
    expect(failure(() => fragile.decode(utf8('"x"')))).toMatch(/^MR_SCHEMA: the valibot schema threw: Invalid count value/)
  })
})

describe('codec.nullable', () => {
  it('is null without bytes, and the value with them', () => {
    const c = codec.nullable(codec.string)
    expect(c.encode(null)).toBeNull()
    expect(c.decode(null)).toBeNull()
    expect(c.decode(c.encode(''))).toBe('')
    expect(c.name).toBe('nullable(string)')
  })
})

describe('codec.option', () => {
  it('is none without bytes, and some of the value with them', () => {
    const c = codec.option(codec.number)
    expect(c.encode(none)).toBeNull()
    expect(c.decode(null)).toEqual(none)
    expect(c.decode(c.encode(some(0)))).toEqual(some(0))
  })
})

describe('codec.windowed', () => {
  const minutes = codec.windowed(codec.string, '1m')
  const sessions = codec.windowed(codec.string)

  it(`writes Java's time-windowed key when the size is known`, () => {
    expect(hex(minutes.encode({ key: 'a', start: 1_700_000_040_000, end: 1_700_000_100_000 }))).toBe('61' + '0000018bcfe60440')
    expect(minutes.decode(Buffer.from('610000018bcfe60440', 'hex'))).toEqual({ key: 'a', start: 1_700_000_040_000, end: 1_700_000_100_000 })
  })
  it('begins with the bytes of the key, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }), (key) => {
        const [plain, windowed] = [codec.string.encode(key), minutes.encode({ key, start: 0, end: 60_000 })]
        expect(hex(windowed)).toBe(`${hex(plain)}0000000000000000`)
      }),
    )
    expect(failure(() => minutes.encode({ key: 1 as unknown as string, start: 0, end: 60_000 }))).toMatch(/^MR_ENCODE/)
  })
  it(`writes Java's session-windowed key, the end first, when it is not`, () => {
    expect(hex(sessions.encode({ key: 'a', start: 1, end: 2 ** 32 }))).toBe('61' + '0000000100000000' + '0000000000000001')
    expect(sessions.decode(Buffer.from('6100000001000000000000000000000001', 'hex'))).toEqual({ key: 'a', start: 1, end: 2 ** 32 })
  })
  it('gives back every window', () => {
    const start = fc.maxSafeNat().map((ms) => ms - (ms % 2))
    roundTrips(sessions, fc.record({ key: fc.string(), start, end: fc.maxSafeInteger() }, { noNullPrototype: true }))
    roundTrips(
      minutes,
      fc.tuple(fc.string(), fc.integer()).map(([key, at]): Windowed<string> => ({ key, start: at, end: at + 60_000 })),
    )
  })
  it('refuses to write a window of another size', () => {
    expect(failure(() => minutes.encode({ key: 'a', start: 0, end: 1 }))).toBe(
      'MR_ENCODE: a window of 1 ms is written with windowed(string, 60000ms)',
    )
  })
  it('refuses bytes that are too short', () => {
    expect(failure(() => sessions.decode(Buffer.alloc(15)))).toMatch(/^MR_DECODE: 15 bytes are too short/)
    expect(failure(() => minutes.decode(null))).toMatch(/^MR_NULL/)
  })
  it('refuses a key that is written as null', () => {
    expect(failure(() => codec.windowed(codec.nullable(codec.string)).encode({ key: null, start: 0, end: 0 }))).toMatch(/^MR_NULL/)
  })
})

describe('prepare', () => {
  it('reaches a codec inside of others, with its own bytes only, and only when there are some', async () => {
    const seen: (string | null)[] = []
    const registry: Codec<string> = {
      ...codec.string,
      prepare: (bytes) => Promise.resolve(void seen.push(bytes && Buffer.from(bytes).toString())),
    }
    const keys = codec.nullable(codec.windowed(registry, 10))
    await keys.prepare?.(keys.encode({ key: 'ada', start: 0, end: 10 }))
    await keys.prepare?.(null)
    await keys.prepare?.(utf8('short'))
    expect(seen).toEqual(['ada'])
    expect(codec.nullable(codec.string)).not.toHaveProperty('prepare')
  })
})

describe('sameCodec', () => {
  const schema = z.object({ a: z.string() })
  it('holds for codecs made of the same parts', () => {
    expect(sameCodec(codec.nullable(codec.string), codec.nullable(codec.string))).toBe(true)
    expect(sameCodec(codec.json<string>(), codec.json<number>())).toBe(true)
    expect(sameCodec(codec.json(schema), codec.json(schema))).toBe(true)
    expect(sameCodec(codec.windowed(codec.string, '1m'), codec.windowed(codec.string, 60_000))).toBe(true)
  })
  it('does not hold for anything else', () => {
    expect(sameCodec(codec.nullable(codec.string), codec.option(codec.string))).toBe(false)
    expect(sameCodec(codec.nullable(codec.string), codec.nullable(codec.json()))).toBe(false)
    expect(sameCodec(codec.json(schema), codec.json(z.object({ a: z.string() })))).toBe(false)
    expect(sameCodec(codec.json(schema), codec.json())).toBe(false)
    expect(sameCodec(codec.windowed(codec.string, '1m'), codec.windowed(codec.string))).toBe(false)
    expect(sameCodec({ ...codec.string }, codec.string)).toBe(false)
  })
})

describe('lossless', () => {
  it('holds for what comes back as it was', () => {
    expect(lossless(codec.json(), { a: [1, { b: 'x' }] })).toBe(true)
    expect(lossless(codec.nullable(codec.bytes), Buffer.from('x'))).toBe(true)
    expect(lossless(codec.option(codec.bytes), some(Buffer.from('x')))).toBe(true)
    expect(lossless(codec.json<Option<number>>(), none)).toBe(true)
    expect(lossless(codec.number, NaN)).toBe(true)
  })
  it.each([
    ['a Date', { at: new Date(0) }],
    ['a Map', new Map([['a', 1]])],
    ['an undefined property', { a: undefined }],
    [
      'an instance of a class',
      {
        at: new (class Point {
          x = 1
        })(),
      },
    ],
    ['infinity inside', [Infinity]],
    ['bytes', { b: Buffer.from('x') }],
  ])('does not hold for %s in JSON', (_, value) => {
    expect(lossless(codec.json(), value)).toBe(false)
  })
  it('does not hold for half a surrogate pair in a string', () => {
    expect(lossless(codec.string, '\ud834')).toBe(false)
  })
})

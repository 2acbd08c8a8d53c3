import fc from 'fast-check'
import { codec } from '../../lib/core/codec.js'
import { answerCodec, subscriptionCodec, subscriptionKeyCodec } from '../../lib/join/foreign-key-codec.js'

const version = fc.maxSafeNat()
const bytes = fc.uint8Array({ maxLength: 40 }).map((all) => Buffer.from(all))
const answers = answerCodec(codec.string)

describe('the codecs of a foreign-key join', () => {
  it('give back what they were given, whatever bytes a key has', () => {
    const ask = fc.constantFrom('subscribe', 'leave', 'leave and tell')
    fc.assert(
      fc.property(bytes, bytes, version, ask, fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }), (a, b, v, how, right) => {
        const key = { rightKey: a.toString('latin1'), leftKey: b.toString('latin1') }
        expect(subscriptionKeyCodec.decode(subscriptionKeyCodec.encode(key))).toEqual(key)
        const subscription = { leftKey: key.leftKey, version: v, ask: how }
        expect(subscriptionCodec.decode(subscriptionCodec.encode(subscription))).toEqual(subscription)
        expect(answers.decode(answers.encode({ version: v, right }))).toEqual({ version: v, right })
      }),
    )
  })

  it('keep the subscribers of a right row side by side, in order of their keys', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, (right, one, other) => {
        const encoded = [one, other].map((left) =>
          Buffer.from(subscriptionKeyCodec.encode({ rightKey: right.toString('latin1'), leftKey: left.toString('latin1') }) ?? []),
        )
        expect(Math.sign(encoded[0]?.compare(encoded[1] ?? Buffer.of()) ?? 0)).toBe(Math.sign(one.compare(other)))
      }),
    )
  })

  it.each([
    ['null', null],
    ['no bytes', Buffer.of()],
    ['a version alone', Buffer.alloc(8)],
  ])('refuse what they have not written: %s', (_, found) => {
    expect(() => subscriptionCodec.decode(found)).toThrow('too few bytes')
    expect(() => answers.decode(found)).toThrow('too few bytes')
  })
})

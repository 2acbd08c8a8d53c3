import fc from 'fast-check'
import { codec, type Codec } from '../../lib/core/codec.js'
import { keyTexts } from '../../lib/join/key-texts.js'

const bytesAsText = <K>(keys: Codec<K>, key: K): string => Buffer.from(keys.encode(key) ?? []).toString('latin1')

describe('the texts of keys', () => {
  it('are their bytes, and give them back: strings of all kinds', () => {
    const { textOf, keyOf } = keyTexts(codec.string)
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), (key) => {
        const text = textOf(key)
        expect(text).toBe(bytesAsText(codec.string, key))
        expect(keyOf(text ?? '')).toBe(codec.string.decode(codec.string.encode(key)))
      }),
    )
  })

  it('are their bytes, and give them back: other keys', () => {
    const { textOf, keyOf } = keyTexts(codec.number)
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (key) => {
        const text = textOf(key)
        expect(text).toBe(bytesAsText(codec.number, key))
        expect(keyOf(text ?? '')).toBe(key)
      }),
    )
  })

  it('are none of a key that is written as null', () => {
    expect(keyTexts(codec.nullable(codec.string)).textOf(null)).toBeNull()
  })
})

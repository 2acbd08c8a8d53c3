import { asBuffer } from '../core/bytes.js'
import { codec, type Codec } from '../core/codec.js'

/** Keys as the latin1 text of their bytes: equal keys have equal texts, and to keep one keeps no batch alive. */
export interface KeyTexts<K> {
  /** Null: the key is written as null. */
  readonly textOf: (key: K) => string | null
  readonly keyOf: (text: string) => K
}

export const keyTexts = <K>(keys: Codec<K>): KeyTexts<K> => {
  const isText = (keys as Codec<unknown>) === codec.string
  return {
    textOf: (key) => {
      if (isText && typeof key === 'string' && ascii.test(key)) return key
      const bytes = keys.encode(key)
      return bytes && asBuffer(bytes).toString('latin1')
    },
    // The keys of `codec.string` are texts.
    keyOf: (text) => (isText && ascii.test(text) ? (text as K) : keys.decode(Buffer.from(text, 'latin1'))),
  }
}

/** Of these the bytes are the characters, in UTF-8 and latin1. */
const ascii = /^[\x20-\x7e]*$/

import type { Codec } from './compression.js'

/** "\x82SNAPPY\0", a version and the oldest one that can read it. */
const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const magicLength = 8
const blockBytes = 32 * 1024

/** Snappy as it is, one block. */
export interface RawSnappy {
  compress(bytes: Buffer): Buffer
  decompress(bytes: Buffer): Buffer
}

/**
 * Snappy as Kafka's Java client writes it (of the library of Xerial): blocks, each after its length. Reads a raw block too, as
 * librdkafka and Go clients write it.
 */
export const xerial = (snappy: RawSnappy): Codec => ({
  compress: (bytes) => {
    const parts: Buffer[] = [header]
    for (let from = 0; from < bytes.length; from += blockBytes) {
      const block = snappy.compress(bytes.subarray(from, from + blockBytes))
      const length = Buffer.allocUnsafe(4)
      length.writeInt32BE(block.length)
      parts.push(length, block)
    }
    return Buffer.concat(parts)
  },
  decompress: (bytes, maxBytes) => {
    const blocks = startsWithMagic(bytes, 0) ? blocksOf(bytes) : [bytes]
    let most = 0
    for (const block of blocks) most += announced(block)
    if (most > maxBytes) throw new RangeError(`they inflate to more than ${maxBytes} bytes`)
    const [only, ...others] = blocks
    return only !== undefined && others.length === 0
      ? snappy.decompress(only)
      : Buffer.concat(blocks.map((block) => snappy.decompress(block)))
  },
})

const startsWithMagic = (bytes: Buffer, at: number): boolean => bytes.compare(header, 0, magicLength, at, at + magicLength) === 0

const blocksOf = (bytes: Buffer): Buffer[] => {
  const blocks: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    // A stream may follow another one.
    if (at + magicLength <= bytes.length && startsWithMagic(bytes, at)) {
      at += header.length
      continue
    }
    const length = at + 4 > bytes.length ? -1 : bytes.readInt32BE(at)
    if (length < 0 || at + 4 + length > bytes.length) throw new RangeError('a block of snappy is cut off')
    blocks.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return blocks
}

/** A block begins with the size it inflates to: an unsigned varint of 32 bits. */
const announced = (block: Buffer): number => {
  let size = 0
  for (let i = 0; i < 5; i++) {
    const byte = block[i]
    if (byte === undefined) break
    size += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return size
  }
  throw new RangeError('a block of snappy has no size')
}

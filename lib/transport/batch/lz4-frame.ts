const magic = 0x184d2204
const flag = { blockChecksum: 0x10, contentSize: 0x08, dictionary: 0x01 }
const isStored = 0x8000_0000

/** How many bytes an LZ4 frame inflates to at the most. Throws where it is cut off before its end mark. */
export const mostLz4Bytes = (frame: Buffer): number => {
  if (frame.length < 7 || frame.readUInt32LE(0) !== magic) throw new RangeError('no LZ4 frame begins here')
  const flags = frame.readUInt8(4)
  const largestBlock = 2 ** (8 + 2 * ((frame.readUInt8(5) >> 4) & 7)) // 4 is 64 KiB, 7 is 4 MiB
  const checksum = flags & flag.blockChecksum ? 4 : 0
  let at = 6 + (flags & flag.contentSize ? 8 : 0) + (flags & flag.dictionary ? 4 : 0) + 1
  for (let most = 0; ;) {
    if (at + 4 > frame.length) throw new RangeError('the LZ4 frame is cut off')
    const size = frame.readUInt32LE(at)
    if (size === 0) return most
    const stored = size >= isStored
    const length = stored ? size - isStored : size
    most += stored ? length : Math.min(largestBlock, length * 255)
    at += 4 + length + checksum
  }
}

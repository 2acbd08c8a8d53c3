const magic = 0xfd2fb528
const skippable = 0x184d2a50
const largestBlock = 128 * 1024
const block = { raw: 0, runLength: 1, compressed: 2 }
const dictionaryLength = [0, 1, 2, 4] as const
const contentSizeLength = [0, 2, 4, 8] as const

/** How many bytes zstd frames (RFC 8878) inflate to at the most. Throws where they are cut off. */
export const mostZstdBytes = (frames: Buffer): number => {
  let most = 0
  let at = 0
  do {
    if (at + 8 > frames.length) throw new RangeError('the zstd frame is cut off')
    const start = frames.readUInt32LE(at)
    if (start === magic) [at, most] = passFrame(frames, at + 4, most)
    else if ((start & 0xffff_fff0) >>> 0 === skippable) at += 8 + frames.readUInt32LE(at + 4)
    else throw new RangeError('no zstd frame begins here')
  } while (at < frames.length)
  if (at > frames.length) throw new RangeError('the zstd frame is cut off')
  return most
}

const passFrame = (frames: Buffer, from: number, before: number): [at: number, most: number] => {
  const descriptor = frames.readUInt8(from)
  const isSingleSegment = (descriptor & 0x20) !== 0
  const contentSize = descriptor >> 6 === 0 && isSingleSegment ? 1 : (contentSizeLength[descriptor >> 6] ?? 0)
  let at = from + 1 + (isSingleSegment ? 0 : 1) + (dictionaryLength[descriptor & 3] ?? 0) + contentSize
  let most = before
  for (let isLast = false; !isLast;) {
    if (at + 3 > frames.length) throw new RangeError('the zstd frame is cut off')
    const header = frames.readUIntLE(at, 3)
    isLast = (header & 1) !== 0
    const type = (header >> 1) & 3
    const size = header >> 3
    most += type === block.compressed ? largestBlock : size
    at += 3 + (type === block.runLength ? 1 : size)
  }
  return [at + (descriptor & 4 ? 4 : 0), most]
}

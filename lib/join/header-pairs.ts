export type HeaderPair = readonly [name: string, value: Buffer | null]

/** Bytes of their own: those of a batch are used again. */
export const headerPairs = (headers: Iterable<readonly [string, Uint8Array | null]>): readonly HeaderPair[] =>
  Array.from(headers, ([name, value]): HeaderPair => [name, value === null ? null : Buffer.from(value)])

/** count (u32), then of each: length of the name (u32) ‖ name ‖ length of the value (i32, -1: null) ‖ value */
export const encodeHeaders = (headers: readonly HeaderPair[]): Buffer => {
  const parts = [u32(headers.length)]
  for (const [name, value] of headers) {
    const text = Buffer.from(name, 'utf8')
    parts.push(u32(text.length), text, i32(value === null ? -1 : value.length), value ?? Buffer.alloc(0))
  }
  return Buffer.concat(parts)
}

export const decodeHeaders = (bytes: Buffer, start: number): { readonly headers: readonly HeaderPair[]; readonly end: number } => {
  let at = start + 4
  const headers: HeaderPair[] = []
  for (let left = bytes.readUInt32BE(start); left > 0; left--) {
    const nameEnd = at + 4 + bytes.readUInt32BE(at)
    const name = bytes.toString('utf8', at + 4, nameEnd)
    const length = bytes.readInt32BE(nameEnd)
    at = nameEnd + 4 + Math.max(0, length)
    headers.push([name, length < 0 ? null : Buffer.from(bytes.subarray(nameEnd + 4, at))])
  }
  return { headers, end: at }
}

const u32 = (n: number): Buffer => {
  const out = Buffer.allocUnsafe(4)
  out.writeUInt32BE(n)
  return out
}
const i32 = (n: number): Buffer => {
  const out = Buffer.allocUnsafe(4)
  out.writeInt32BE(n)
  return out
}

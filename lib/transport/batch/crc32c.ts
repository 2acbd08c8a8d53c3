/** CRC-32C (Castagnoli) of `bytes` from `start` to `end`, unsigned; eight bytes at a time. */
export const crc32c = (bytes: Buffer, start: number, end: number): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) // Buffer's own readers cost three times as much
  let crc = -1
  let at = start
  for (; at + 8 <= end; at += 8) {
    crc ^= view.getInt32(at, true)
    const rest = view.getInt32(at + 4, true)
    crc =
      read(7, crc & 255) ^
      read(6, (crc >>> 8) & 255) ^
      read(5, (crc >>> 16) & 255) ^
      read(4, crc >>> 24) ^
      read(3, rest & 255) ^
      read(2, (rest >>> 8) & 255) ^
      read(1, (rest >>> 16) & 255) ^
      read(0, rest >>> 24)
  }
  for (; at < end; at++) crc = read(0, (crc ^ view.getUint8(at)) & 255) ^ (crc >>> 8)
  return (crc ^ -1) >>> 0
}

/** Table `k`: what a byte does to the sum when `k` more bytes follow it. All eight lie in one array. */
const tables = new Int32Array(8 * 256)
const read = (table: number, byte: number): number => tables[(table << 8) | byte] as number // both are in range by their masks

for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0x82f63b78 ^ (crc >>> 1) : crc >>> 1
  tables[byte] = crc
}
for (let at = 256; at < tables.length; at++) {
  const shorter = tables[at - 256] as number // filled by an earlier round
  tables[at] = read(0, shorter & 255) ^ (shorter >>> 8)
}

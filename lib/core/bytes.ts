/** The same bytes with the methods of a Buffer; no copy. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Gives a buffer of so many bytes, with anything in it. */
export type Allocate = (length: number) => Buffer

/** Buffers over the same bytes again and again: for what is copied before the next one is asked for. */
export const scratch = (): Allocate => {
  const bytes = Buffer.allocUnsafeSlow(2048)
  const views: Buffer[] = []
  return (length) => (length > bytes.length ? Buffer.allocUnsafe(length) : (views[length] ??= bytes.subarray(0, length)))
}

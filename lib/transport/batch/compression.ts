/**
 * How the records of a batch are compressed.
 * @since 0.1.0
 */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
/** By the number that the attributes of a batch hold. */
export const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** One way to compress bytes. */
export interface Codec {
  compress(bytes: Buffer): Buffer
  /** Throws where the bytes are damaged, and rather than give more than `maxBytes`. */
  decompress(bytes: Buffer, maxBytes: number): Buffer
}

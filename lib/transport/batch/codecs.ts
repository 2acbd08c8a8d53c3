import { gunzipSync, gzipSync } from 'node:zlib'
import * as zlib from 'node:zlib'
import type * as NodeZstd from '@toondepauw/node-zstd'
import type * as Lz4 from 'lz4-napi'
import type * as Snappy from 'snappy'
import { MillraceError, toError } from '../../core/errors.js'
import type { Codec, Compression } from './compression.js'
import { mostLz4Bytes } from './lz4-frame.js'
import { xerial } from './xerial.js'
import { mostZstdBytes } from './zstd-frame.js'

const loaded = new Map<Compression, Codec>()

/** Loaded when it is first asked for. Throws `MR_COMPRESSION` where its package cannot be. */
export const codecOf = (compression: Exclude<Compression, 'none'>): Codec => {
  const known = loaded.get(compression)
  if (known !== undefined) return known
  const codec = makers[compression]()
  loaded.set(compression, codec)
  return codec
}

/* eslint-disable @typescript-eslint/no-require-imports -- synchronous, for a batch is read where its records are needed: unlike `import` it can be as late as that */
const makers: Readonly<Record<Exclude<Compression, 'none'>, () => Codec>> = {
  gzip: () => ({
    compress: (bytes) => gzipSync(bytes),
    decompress: (bytes, maxBytes) => gunzipSync(bytes, { maxOutputLength: maxBytes }),
  }),
  snappy: () => {
    const { compressSync, uncompressSync } = needed('snappy', 'snappy', () => require('snappy') as typeof Snappy)
    return xerial({ compress: (bytes) => compressSync(bytes), decompress: (bytes) => uncompressSync(bytes, { asBuffer: true }) as Buffer })
  },
  lz4: () => {
    const { compressFrameSync, decompressFrameSync } = needed('lz4', 'lz4-napi', () => require('lz4-napi') as typeof Lz4)
    return { compress: (bytes) => compressFrameSync(bytes), decompress: within(mostLz4Bytes, decompressFrameSync) }
  },
  zstd: () => {
    // Of Node 22.15 and later; the types are those of Node 20.
    const { zstdCompressSync: compress, zstdDecompressSync: decompress } = zlib as unknown as Partial<
      Record<string, (bytes: Buffer) => Buffer>
    >
    if (compress !== undefined && decompress !== undefined) return { compress, decompress: within(mostZstdBytes, decompress) }
    const name = '@toondepauw/node-zstd'
    const { Encoder, Decoder } = needed('zstd', name, () => require('@toondepauw/node-zstd') as typeof NodeZstd)
    const [encoder, decoder] = [new Encoder(3), new Decoder()]
    return { compress: (bytes) => encoder.encodeSync(bytes), decompress: within(mostZstdBytes, (bytes) => decoder.decodeSync(bytes)) }
  },
}
/* eslint-enable @typescript-eslint/no-require-imports */

const needed = <A>(compression: Compression, name: string, load: () => A): A => {
  try {
    return load()
  } catch (thrown) {
    const error = toError(thrown)
    throw new MillraceError(
      'MR_COMPRESSION',
      `${compression} needs the package ${name}, which comes with millrace but cannot be loaded on ${process.platform}-${process.arch}: ${error.message}`,
      { cause: error },
    )
  }
}

/** What a frame may hold at most is told by its blocks, before any memory is taken for it. */
const within =
  (most: (frame: Buffer) => number, decompress: (frame: Buffer) => Buffer) =>
  (frame: Buffer, maxBytes: number): Buffer => {
    if (most(frame) > maxBytes) throw new RangeError(`they inflate to more than ${maxBytes} bytes`)
    return decompress(frame)
  }

import fc from 'fast-check'
import { isMillraceError } from '../../../lib/core/errors.js'
import { codecOf } from '../../../lib/transport/batch/codecs.js'
import type { Compression } from '../../../lib/transport/batch/compression.js'
import { attribute, attributes, field, headerBytes, stampBatch } from '../../../lib/transport/batch/header.js'
import { readBatch, type ReadOptions } from '../../../lib/transport/batch/reader.js'
import { BatchWriter, sum } from '../../../lib/transport/batch/writer.js'
import { plain, text } from './kafkajs-codec.js'

const at = { topic: 'orders', partition: 3 }
const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const records = Array.from({ length: 300 }, (_, i) => text(`customer-${i % 7}`, `{"customer":"customer-${i % 7}","amount":${i}}`, 1000 + i))

const written = (compression: Compression): Buffer => {
  const writer = new BatchWriter(compression)
  for (const record of records) writer.append(record)
  return writer.seal()
}
/** A batch around any compressed bytes, with a checksum that fits: damage that only the codec can see. */
const around = (compression: Compression, bytes: Buffer): Buffer => {
  const batch = Buffer.concat([written(compression).subarray(0, headerBytes), bytes])
  batch.writeInt32BE(batch.length - field.leaderEpoch, field.length)
  stampBatch(batch, 77)
  sum(batch)
  return batch
}
const body = (compression: Compression): Buffer => written(compression).subarray(headerBytes)
const thrownBy = (batch: Buffer, options: ReadOptions = {}): unknown => {
  try {
    readBatch(batch, 0, at, options)
  } catch (error) {
    return error
  }
  return null
}
const corruptAt77 = expect.objectContaining({
  code: 'MR_CORRUPT_BATCH',
  message: expect.stringContaining('orders-3 at offset 77: its records cannot be inflated') as string,
}) as unknown
const concat = (...parts: (Buffer | number[])[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)))

describe('BatchWriter', () => {
  it.each(codecs)('compresses with %s, says so in the header, and is read again', (compression) => {
    const batch = written(compression)

    expect(attributes(batch) & attribute.compression).toBe(codecs.indexOf(compression) + 1)
    expect(batch.length).toBeLessThan(written('none').length / 2)
    expect(readBatch(batch, 0, at).map(plain)).toEqual(records.map(plain))
  })

  it.each(codecs)('leaves a batch as it is that %s would not make smaller', (compression) => {
    const writer = new BatchWriter(compression)
    writer.append(text('k', 'v'))
    const batch = writer.seal()

    expect(attributes(batch) & attribute.compression).toBe(0)
    expect(readBatch(batch, 0, at).map((record) => record.utf8Value())).toEqual(['v'])
  })
})

describe('readBatch of compressed records', () => {
  it('reads snappy raw, in blocks, and one stream after another', () => {
    const framed = body('snappy')
    const plainBytes = codecOf('snappy').decompress(framed, 1e9)
    const half = plainBytes.length >> 1
    const { compress } = codecOf('snappy')
    const rawOfOneBlock = compress(plainBytes).subarray(20)

    for (const bytes of [framed, rawOfOneBlock, concat(compress(plainBytes.subarray(0, half)), compress(plainBytes.subarray(half)))])
      expect(readBatch(around('snappy', bytes), 0, at).map(plain)).toEqual(records.map(plain))
  })

  it.each(codecs)('gives no more bytes of %s than it was allowed to', (compression) => {
    const { decompress } = codecOf(compression)
    const whole = decompress(body(compression), 1e9)
    const most = { gzip: whole.length, snappy: whole.length, lz4: 65_536, zstd: 131_072 }[compression]

    expect(decompress(body(compression), most)).toEqual(whole)
    expect(() => decompress(body(compression), Math.min(most, whole.length) - 1)).toThrow(/(more|larger) than \d+ bytes/)
  })

  it('refuses what announces more than a batch may hold, before memory is taken for it', () => {
    const bombs: Partial<Record<Compression, Buffer>> = {
      // It announces 2^32 - 1 bytes.
      snappy: concat([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]),
      // 100 blocks of 1 MiB, which can hold up to 4 MiB each.
      lz4: concat(
        [0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73],
        ...Array.from({ length: 100 }, () => concat([0, 0, 0x10, 0], Buffer.alloc(0x10_0000))),
        [0, 0, 0, 0],
      ),
      // 200 blocks of one byte repeated 2^21 - 1 times.
      zstd: concat([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58], ...Array.from({ length: 200 }, (_, i) => [i === 199 ? 0xfb : 0xfa, 0xff, 0xff, 0])),
    }
    for (const [compression, bomb] of Object.entries(bombs)) expect(thrownBy(around(compression as Compression, bomb))).toEqual(corruptAt77)
  })

  it.each(codecs)('names topic, partition and offset when a batch of %s is cut off anywhere', (compression) => {
    const whole = body(compression)
    for (let length = 1; length < whole.length; length += 37)
      expect(thrownBy(around(compression, whole.subarray(0, length)))).toEqual(corruptAt77)
  })

  it.each(codecs)('ends with records or with MR_CORRUPT_BATCH whatever bytes of %s are changed, even unchecked', (compression) => {
    const whole = written(compression)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }), (changes) => {
        const batch = Buffer.from(whole)
        for (const [position, byte] of changes) batch.writeUInt8(byte, headerBytes + (position % (batch.length - headerBytes)))
        const error = thrownBy(batch, { verifyCrc: false })

        expect(error === null || isMillraceError(error, 'MR_CORRUPT_BATCH')).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it.each(codecs)('never reads a wrong record out of a damaged batch of %s', (compression) => {
    const whole = written(compression)
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.option(fc.nat()), (position, bits, cut) => {
        const batch = Buffer.from(whole)
        const index = field.magic + (position % (batch.length - field.magic))
        batch.writeUInt8(batch.readUInt8(index) ^ bits, index)

        expect(isMillraceError(thrownBy(cut === null ? batch : batch.subarray(0, cut % batch.length)), 'MR_CORRUPT_BATCH')).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('says which package is missing, and where the records lie', () => {
    const batch = around('snappy', body('snappy'))
    jest.isolateModules(() => {
      jest.doMock('snappy', () => {
        throw new Error('no binding for this machine')
      })
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- a second copy, which has loaded nothing yet
      const fresh = require('../../../lib/transport/batch/reader.js') as { readBatch: typeof readBatch }

      expect(() => fresh.readBatch(batch, 0, at)).toThrow(
        expect.objectContaining({
          code: 'MR_COMPRESSION',
          message: expect.stringMatching(
            /orders-3 at offset 77 is compressed with snappy; .*package snappy.*no binding for this machine/,
          ) as string,
        }),
      )
    })
  })

  it('names a codec that Kafka does not have', () => {
    const batch = written('none')
    batch.writeInt16BE(5, field.attributes)

    expect(() => readBatch(batch, 0, at, { verifyCrc: false })).toThrow(
      expect.objectContaining({ code: 'MR_COMPRESSION', message: expect.stringContaining('codec 5') as string }),
    )
  })
})

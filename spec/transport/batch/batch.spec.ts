import fc from 'fast-check'
import { isMillraceError } from '../../../lib/core/errors.js'
import { headersOf } from '../../../lib/core/headers.js'
import type { OutRecord } from '../../../lib/core/record.js'
import { crc32c } from '../../../lib/transport/batch/crc32c.js'
import * as header from '../../../lib/transport/batch/header.js'
import { readBatch } from '../../../lib/transport/batch/reader.js'
import { keepRecords, stampAppendTime } from '../../../lib/transport/batch/rewrite.js'
import { BatchWriter } from '../../../lib/transport/batch/writer.js'
import { byName, kafkajsCrc32c, plain, readByKafkajs, text, writtenByKafkajs } from './kafkajs-codec.js'

const at = { topic: 'orders', partition: 3 }

const bytes = fc.uint8Array({ maxLength: 60 })
const optional = fc.option(
  fc.oneof({ weight: 9, arbitrary: bytes }, { weight: 1, arbitrary: fc.uint8Array({ minLength: 200, maxLength: 9000 }) }),
)
const timestamp = fc.oneof(fc.nat(), fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }), fc.maxSafeNat())
const name = fc.stringMatching(/^[a-zé]{1,6}$/).map((letters) => `h-${letters}`)
const anyRecord = fc.record({
  key: optional,
  value: optional,
  timestamp,
  headers: fc.array(fc.tuple(name, fc.option(bytes)), { maxLength: 4 }).map(headersOf),
})
/** kafkajs groups headers by name and cannot write a null one, so this set is the one both can say. */
const kafkajsRecord = anyRecord.map((record) => ({
  ...record,
  headers: headersOf(Object.entries(byName(record.headers)).flatMap(([title, values]) => values.map((value) => [title, value] as const))),
}))

const written = (records: readonly OutRecord[], producer?: Parameters<BatchWriter['seal']>[0]): Buffer => {
  const writer = new BatchWriter()
  for (const record of records) writer.append(record)
  return writer.seal(producer)
}

describe('BatchWriter', () => {
  it('writes what readBatch reads: any bytes, any time, any headers, nulls', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 200 }), fc.maxSafeNat(), (records, baseOffset) => {
        const batch = written(records)
        header.stampBatch(batch, Math.min(baseOffset, Number.MAX_SAFE_INTEGER - 1000))

        const read = readBatch(batch, 0, at)

        expect(read.map(plain)).toEqual(records.map(plain))
        expect(read.map((record) => record.offset - header.baseOffset(batch))).toEqual(records.map((_, i) => i))
        expect(header.maxTimestamp(batch)).toBe(Math.max(...records.map((record) => record.timestamp)))
      }),
      { numRuns: 200 },
    )
  })

  it('writes what kafkajs reads', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(kafkajsRecord, { minLength: 1, maxLength: 30 }), async (records) => {
        const batch = written(records, { producerId: 77n, producerEpoch: 3, baseSequence: 12, isTransactional: true })

        const read = await readByKafkajs(batch)

        expect(read).toMatchObject({ producerId: '77', producerEpoch: 3, firstSequence: 12, inTransaction: true, isControlBatch: false })
        expect(read.records.map(({ key, value, timestamp }) => ({ key, value, timestamp: Number(timestamp) }))).toEqual(
          records.map(({ key, value, timestamp }) => ({ key: key && Buffer.from(key), value: value && Buffer.from(value), timestamp })),
        )
        expect(read.records.map((record) => Object.keys(record.headers))).toEqual(
          records.map((record) => Object.keys(byName(record.headers))),
        )
      }),
      { numRuns: 200 },
    )
  })

  it('takes over the records of another as if it had been given them', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyRecord, { maxLength: 150 }), { minLength: 2, maxLength: 4 }), (parts) => {
        fc.pre(parts.some((part) => part.length > 0))
        const whole = new BatchWriter()
        const others = parts.map((part) => {
          const other = new BatchWriter()
          for (const record of part) other.append(record)
          whole.appendAll(other)
          return other
        })

        expect(whole.seal()).toEqual(written(parts.flat()))
        expect(others.map(({ count }) => count)).toEqual(parts.map(() => 0))
      }),
      { numRuns: 200 },
    )
  })

  it('tells its size exactly, and starts anew after seal', () => {
    const writer = new BatchWriter()
    writer.append(text('a', 'x'.repeat(5000), 5, [['trace', '1']]))
    writer.append(text(null, null, 3))
    const announced = writer.byteLength

    const first = writer.seal()
    writer.append(text('b', 'y'))
    const second = writer.seal()

    expect(first.length).toBe(announced)
    expect(readBatch(first, 0, at).map((record) => record.timestamp)).toEqual([5, 3])
    expect(readBatch(second, 0, at).map((record) => record.utf8Key())).toEqual(['b'])
    expect(() => writer.seal()).toThrow(RangeError)
  })
})

describe('readBatch', () => {
  it('reads what kafkajs has written, compressed with gzip, with snappy or not', async () => {
    const compression = fc.constantFrom(0 as const, 1 as const, 2 as const)
    await fc.assert(
      fc.asyncProperty(fc.array(kafkajsRecord, { minLength: 1, maxLength: 30 }), compression, async (records, compression) => {
        const batch = await writtenByKafkajs(records, { baseOffset: 5_000_000_000, compression })

        const read = readBatch(batch, 0, at)

        expect(read.map(plain)).toEqual(records.map(plain))
        expect(read.map((record) => record.offset)).toEqual(records.map((_, i) => 5_000_000_000 + i))
      }),
      { numRuns: 200 },
    )
  })

  it('leaves out what lies below the offset asked for', () => {
    const batch = written([text('a', '0'), text('b', '1'), text('c', '2')])
    header.stampBatch(batch, 40)

    expect(readBatch(batch, 41, at).map((record) => [record.offset, record.utf8Key(), record.utf8Value()])).toEqual([
      [41, 'b', '1'],
      [42, 'c', '2'],
    ])
    expect(readBatch(batch, 43, at)).toEqual([])
  })

  it('takes the time of the log where the topic says so', () => {
    const batch = written([text('a', '0', 1000), text('b', '1', 3000)])
    stampAppendTime(batch, 7777)

    expect(readBatch(batch, 0, at).map((record) => record.timestamp)).toEqual([7777, 7777])
  })

  it('names topic, partition and offset of a batch whose bytes have changed', () => {
    const batch = written([text('a', 'value')])
    header.stampBatch(batch, 12)
    batch.write('V', batch.length - 3)

    expect(() => readBatch(batch, 0, at)).toThrow(
      expect.objectContaining({ code: 'MR_CORRUPT_BATCH', message: expect.stringContaining('orders-3 at offset 12') as string }),
    )
  })

  it('never reads a wrong record out of flipped or truncated bytes', () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 20 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        fc.option(fc.nat()),
        (records, flips, cut) => {
          const batch = written(records)
          // Base offset and leader epoch are the broker's to change: no checksum covers them.
          for (const [position, bits] of flips) {
            const target = [8, 9, 10, 11, ...Array<number>(batch.length - 16).keys()].map((i) => (i < 8 ? i + 16 : i))
            const index = target[position % target.length] ?? 16
            batch.writeUInt8(batch.readUInt8(index) ^ bits, index)
          }
          const damaged = cut === null ? batch : batch.subarray(0, cut % batch.length)

          const outcome = attempt(damaged, true)

          expect(outcome === 'corrupt' ? records.map(plain) : outcome).toEqual(records.map(plain))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('ends with records or with MR_CORRUPT_BATCH whatever the bytes are, even unchecked', () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (records, changes) => {
          const batch = written(records)
          for (const [position, byte] of changes) batch.writeUInt8(byte, 57 + (position % (batch.length - 57)))

          expect(attempt(batch, false)).toBeDefined()
        },
      ),
      { numRuns: 1000 },
    )
  })
})

const attempt = (batch: Buffer, verifyCrc: boolean): 'corrupt' | readonly object[] => {
  try {
    return readBatch(batch, 0, at, { verifyCrc }).map(plain)
  } catch (error) {
    if (isMillraceError(error, 'MR_CORRUPT_BATCH')) return 'corrupt'
    throw error
  }
}

describe('keepRecords', () => {
  it('takes records out and leaves every offset where it was', async () => {
    for (const compression of [0, 1] as const) {
      const batch = await writtenByKafkajs([text('a', '0', 10), text('b', '1', 30), text('c', '2', 20)], { baseOffset: 100, compression })

      const smaller = keepRecords(batch, at, (record) => record.offset === 101)

      expect(readBatch(smaller, 0, at).map((record) => [record.offset, record.timestamp, record.utf8Value()])).toEqual([[101, 30, '1']])
      expect([header.baseOffset(smaller), header.nextOffset(smaller), header.recordCount(smaller)]).toEqual([100, 103, 1])
    }
  })

  it('gives the batch itself when all stay, and an empty one that still spans its offsets when none does', () => {
    const batch = written([text('a', '0'), text('b', '1')])

    expect(keepRecords(batch, at, () => true)).toBe(batch)
    const empty = keepRecords(batch, at, () => false)
    expect(readBatch(empty, 0, at)).toEqual([])
    expect(header.nextOffset(empty)).toBe(2)
  })
})

describe('crc32c', () => {
  it('is the Castagnoli sum', () => {
    expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283)
  })

  it('sums what kafkajs sums, from any place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(10), (content, start) => {
        const whole = Buffer.concat([Buffer.alloc(start, 7), content])

        expect(crc32c(whole, start, whole.length)).toBe(kafkajsCrc32c(Buffer.from(content)) >>> 0)
      }),
    )
  })
})

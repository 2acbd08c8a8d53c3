import fc from 'fast-check'
import { isMillraceError } from '../../../lib/core/errors.js'
import { headersOf } from '../../../lib/core/headers.js'
import type { OutRecord, RawRecord } from '../../../lib/core/record.js'
import type { BatchRecord } from '../../../lib/transport/batch/batch-record.js'
import { compressions } from '../../../lib/transport/batch/compression.js'
import * as header from '../../../lib/transport/batch/header.js'
import { readBatch, type ReadOptions } from '../../../lib/transport/batch/reader.js'
import { committedBatches, splitBatches } from '../../../lib/transport/batch/record-set.js'
import { BatchWriter, type ProducerStamp } from '../../../lib/transport/batch/writer.js'
import { describeJava } from '../../support/kafka/describe-kafka.js'
import { JavaBatches, type JavaDescription, type JavaRecord } from '../../support/kafka/java-batches.js'
import { text } from './kafkajs-codec.js'

const at = { topic: 'orders', partition: 3 }
const int31 = 2 ** 31 - 1

const base64 = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('base64'))
const asJava = (record: RawRecord | OutRecord, offset: number): JavaRecord => ({
  offset,
  timestamp: record.timestamp,
  key: base64(record.key),
  value: base64(record.value),
  headers: [...record.headers].map(([name, value]) => [name, base64(value)] as const),
})
const asRead = (record: BatchRecord): JavaRecord => asJava(record, record.offset)

const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  // What compresses, and what spans the blocks of a codec.
  {
    weight: 3,
    arbitrary: fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(300)).map(([some, times]) => repeated(some, times)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.constant(9000)).map(([some, times]) => repeated(some, times)),
  },
)
const repeated = (some: Uint8Array, times: number): Uint8Array => Buffer.alloc(some.length * times, some)
const optional = fc.option(bytes, { freq: 5 })
const timestamp = fc.oneof(fc.nat(), fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }), fc.maxSafeNat())
const headers = fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.option(fc.uint8Array({ maxLength: 20 }))), {
  maxLength: 3,
})
const record = fc.record({ key: optional, value: optional, timestamp, headers })
const producer = fc.oneof(
  fc.constant({ producerId: -1n, producerEpoch: -1, baseSequence: -1, isTransactional: false }),
  fc.record({
    producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    producerEpoch: fc.nat(32_767),
    baseSequence: fc.nat(int31),
    isTransactional: fc.boolean(),
  }),
)

/** Records with gaps between them, as compaction leaves them; at the end too. */
const description: fc.Arbitrary<JavaDescription> = fc
  .record({
    records: fc.array(fc.tuple(record, fc.oneof(fc.constant(0), fc.nat(5), fc.nat(100_000_000))), { minLength: 1, maxLength: 20 }),
    baseOffset: fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: 2 ** 52 })),
    compression: fc.constantFrom(...compressions),
    logAppendTime: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 45 }) }),
    deleteHorizon: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 45 }) }),
    producer,
    leaderEpoch: fc.integer({ min: -1, max: int31 }),
    tail: fc.oneof(fc.constant(-1), fc.nat(1000)),
  })
  .map(({ records, baseOffset, producer: { producerId, ...stamp }, tail, ...rest }) => {
    let offset = baseOffset - 1
    const placed = records.map(([one, gap]): JavaRecord => {
      offset += 1 + (offset < baseOffset ? 0 : gap)
      return asJava({ ...one, headers: headersOf(one.headers) }, offset)
    })
    return { ...rest, ...stamp, producerId: String(producerId), baseOffset, lastOffset: tail < 0 ? -1 : offset + tail, records: placed }
  })

describeJava('record batches and the Java client', () => {
  let java: JavaBatches
  beforeAll(async () => {
    java = await JavaBatches.start()
  }, 120_000)
  afterAll(() => java.close())

  /** Of what the fuzzing wants by the hundred. */
  const someOf = async (
    compression: JavaDescription['compression'],
  ): Promise<{ readonly batch: Buffer; readonly records: readonly JavaRecord[] }> => {
    const records = Array.from({ length: 60 }, (_, i) => asJava(text(`key-${i % 5}`, `the value of ${i}, `.repeat(3), 1000 + i), 100 + i))
    const stamp = { producerId: '5', producerEpoch: 1, baseSequence: 0, isTransactional: false }
    const batch = await java.write({
      ...stamp,
      compression,
      baseOffset: 100,
      logAppendTime: -1,
      leaderEpoch: 0,
      deleteHorizon: -1,
      lastOffset: -1,
      records,
    })
    return { batch, records }
  }

  it('reads exactly what the Java client has written: every codec, nulls, headers, gaps, times of the log', async () => {
    await fc.assert(
      fc.asyncProperty(description, async (described) => {
        const batch = await java.write(described)

        const [only, ...others] = splitBatches(batch, at, described.baseOffset)
        const read = only === undefined ? [] : readBatch(only, 0, at)

        const time = described.logAppendTime
        expect(others).toEqual([])
        expect(read.map(asRead)).toEqual(described.records.map((one) => ({ ...one, timestamp: time < 0 ? one.timestamp : time })))
        expect(header.compressionOf(batch)).toBe(described.compression)
        expect(header.producerId(batch)).toBe(BigInt(described.producerId))
        expect(header.isTransactional(batch)).toBe(described.isTransactional)
        expect(header.lastOffset(batch)).toBe(described.lastOffset < 0 ? described.records.at(-1)?.offset : described.lastOffset)
        expect(header.maxTimestamp(batch)).toBe(time < 0 ? Math.max(...described.records.map((one) => one.timestamp)) : time)
      }),
      { numRuns: 400 },
    )
  }, 120_000)

  it('writes what the Java client finds valid, and reads exactly: every codec, nulls, headers, times in any order, producers', async () => {
    const anyRecord = record.map((one) => ({ ...one, headers: headersOf(one.headers) }))
    const stamp = fc.option(producer) as fc.Arbitrary<ProducerStamp | null>
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRecord, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(...compressions),
        stamp,
        async (records, compression, by) => {
          const writer = new BatchWriter(compression)
          for (const one of records) writer.append(one)
          const batch = writer.seal(by ?? undefined)

          const read = await java.read(batch)

          expect(read).toMatchObject([
            {
              isValid: true,
              isControl: false,
              sizeInBytes: batch.length,
              compression: header.compressionOf(batch),
              baseOffset: 0,
              lastOffset: records.length - 1,
              count: records.length,
              maxTimestamp: Math.max(...records.map((one) => one.timestamp)),
              producerId: String(by?.producerId ?? -1n),
              producerEpoch: by?.producerEpoch ?? -1,
              baseSequence: by?.baseSequence ?? -1,
              isTransactional: by?.isTransactional ?? false,
              records: records.map(asJava),
            },
          ])
        },
      ),
      { numRuns: 400 },
    )
  }, 120_000)

  it('writes 2,000 records in each codec that the Java client reads', async () => {
    const records = Array.from({ length: 2000 }, (_, i) =>
      text(`key-${i % 50}`, `{"order":${i},"note":"${'x'.repeat(i % 90)}"}`, 1_700_000_000_000 + i),
    )
    for (const compression of compressions) {
      const writer = new BatchWriter(compression)
      for (const one of records) writer.append(one)

      const [batch] = await java.read(writer.seal())

      expect(batch).toMatchObject({ compression, records: records.map(asJava) })
    }
  }, 60_000)

  it('reads the values of a batch of every codec that is larger than their blocks', async () => {
    const large =
      fc.sample(fc.uint8Array({ minLength: 700_000, maxLength: 700_000, size: 'max' }), { numRuns: 1, seed: 7 })[0] ?? new Uint8Array()
    const records = [text('noise', null), text('zeros', '0'.repeat(900_000)), text('end', 'end')].map(asJava)
    const noisy = [{ ...records[0], value: base64(large) } as JavaRecord, ...records.slice(1)]
    for (const compression of compressions) {
      const stamp = {
        producerId: '-1',
        producerEpoch: -1,
        baseSequence: -1,
        isTransactional: false,
        leaderEpoch: 0,
        deleteHorizon: -1,
        lastOffset: -1,
      }

      const batch = await java.write({ ...stamp, compression, baseOffset: 0, logAppendTime: -1, records: noisy })

      expect(readBatch(batch, 0, at).map(asRead)).toEqual(noisy)
    }
  }, 60_000)

  it('knows the markers of the Java client', async () => {
    const of = (marker: 'COMMIT' | 'ABORT' | null, baseOffset: number, records: readonly JavaRecord[]): Promise<Buffer> =>
      java.write({
        ...{
          compression: 'none',
          producerId: '9',
          producerEpoch: 2,
          isTransactional: true,
          leaderEpoch: 4,
          deleteHorizon: -1,
          lastOffset: -1,
        },
        ...(marker === null ? { baseSequence: 0 } : { baseSequence: -1, marker, timestamp: 5 }),
        ...{ baseOffset, logAppendTime: -1, records },
      })
    const log = Buffer.concat([
      await of(null, 0, [asJava(text('a', 'aborted'), 0)]),
      await of('ABORT', 1, []),
      await of(null, 2, [asJava(text('b', 'committed'), 2)]),
      await of('COMMIT', 3, []),
    ])

    const batches = splitBatches(log, at, 0)
    const kept = committedBatches(batches, [{ producerId: 9n, firstOffset: 0 }])

    expect(batches.map(header.isControl)).toEqual([false, true, false, true])
    expect(kept.flatMap((batch) => readBatch(batch, 0, at)).map((one) => one.utf8Value())).toEqual(['committed'])
  })

  const attempt = (batch: Buffer, options: ReadOptions = {}): 'corrupt' | readonly JavaRecord[] => {
    try {
      return readBatch(batch, 0, at, options).map(asRead)
    } catch (error) {
      if (isMillraceError(error, 'MR_CORRUPT_BATCH')) return 'corrupt'
      throw error
    }
  }

  it.each(compressions)('never reads a wrong record out of a damaged batch of the Java client, compressed with %s', async (compression) => {
    const { batch, records } = await someOf(compression)
    const flip = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 3 }), fc.option(fc.nat()), (flips, cut) => {
        const damaged = Buffer.from(batch)
        for (const [position, bits] of flips) {
          // Base offset and leader epoch are the broker's to change: no checksum covers them.
          const index = header.field.magic + (position % (batch.length - header.field.magic))
          damaged.writeUInt8(damaged.readUInt8(index) ^ bits, index)
        }

        const outcome = attempt(cut === null ? damaged : damaged.subarray(0, cut % batch.length))

        expect(outcome === 'corrupt' ? records : outcome).toEqual(records)
      }),
      { numRuns: 300 },
    )
  })

  it.each(compressions)('ends whatever the bytes are, even unchecked, compressed with %s', async (compression) => {
    const { batch } = await someOf(compression)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }), fc.option(fc.nat()), (changes, cut) => {
        const damaged = Buffer.from(
          cut === null ? batch : batch.subarray(0, header.headerBytes + (cut % (batch.length - header.headerBytes))),
        )
        damaged.writeInt32BE(damaged.length - header.field.leaderEpoch, header.field.length)
        for (const [position, byte] of changes)
          if (damaged.length > header.headerBytes)
            damaged.writeUInt8(byte, header.headerBytes + (position % (damaged.length - header.headerBytes)))

        expect(attempt(damaged, { verifyCrc: false })).toBeDefined()
      }),
      { numRuns: 500 },
    )
  })
})

import { stampBatch } from '../../../lib/transport/batch/header.js'
import { readBatch } from '../../../lib/transport/batch/reader.js'
import { committedBatches, splitBatches } from '../../../lib/transport/batch/record-set.js'
import { BatchWriter, sum } from '../../../lib/transport/batch/writer.js'
import { text } from './kafkajs-codec.js'

const at = { topic: 'orders', partition: 0 }

interface Shape {
  readonly pid?: bigint
  readonly transactional?: boolean
  readonly control?: 'abort' | 'commit'
  readonly key?: Buffer
}

const batchAt = (offset: number, values: readonly string[], { pid, transactional, control, key }: Shape = {}): Buffer => {
  const writer = new BatchWriter()
  const marker = Buffer.from([0, 0, 0, control === 'commit' ? 1 : 0])
  for (const value of values) writer.append({ ...text('k', value), key: control ? marker : (key ?? Buffer.from('k')) })
  const stamp = { producerId: pid ?? -1n, producerEpoch: 0, baseSequence: 0, isTransactional: transactional ?? pid !== undefined }
  const batch = writer.seal(stamp)
  if (control) batch.writeInt16BE(batch.readInt16BE(21) | 0x20, 21)
  sum(batch)
  stampBatch(batch, offset)
  return batch
}
const values = (batches: readonly Buffer[]): (string | null)[] =>
  batches.flatMap((batch) => readBatch(batch, 0, at).map((record) => record.utf8Value()))

describe('splitBatches', () => {
  const set = Buffer.concat([batchAt(0, ['a', 'b']), batchAt(2, ['c']), batchAt(3, ['d'])])

  it('cuts out whole batches and leaves a partial one at the end for the next fetch', () => {
    expect(values(splitBatches(set, at, 0))).toEqual(['a', 'b', 'c', 'd'])
    for (const cut of [1, 40, 60, batchAt(3, ['d']).length - 1]) {
      expect(values(splitBatches(set.subarray(0, set.length - cut), at, 0))).toEqual(['a', 'b', 'c'])
    }
  })

  it('leaves out what ends below the position, keeps the batch that contains it', () => {
    expect(values(splitBatches(set, at, 1))).toEqual(['a', 'b', 'c', 'd'])
    expect(values(splitBatches(set, at, 2))).toEqual(['c', 'd'])
  })

  it('refuses other message formats by name', () => {
    const old = Buffer.from(set)
    old.writeInt8(1, 16)

    expect(() => splitBatches(old, at, 0)).toThrow(/MR_CORRUPT_BATCH: orders-0 at offset 0: the log holds message format 1/)
  })

  it('refuses a length that would not move on', () => {
    const broken = Buffer.from(set)
    broken.writeInt32BE(-12, 8)

    expect(() => splitBatches(broken, at, 0)).toThrow(/MR_CORRUPT_BATCH/)
  })
})

describe('committedBatches', () => {
  it('drops markers and aborted batches, keeps committed ones and those of no transaction', () => {
    const log = [
      batchAt(0, ['plain']),
      batchAt(1, ['aborted'], { pid: 1n }),
      batchAt(2, ['committed'], { pid: 2n }),
      batchAt(3, ['marker'], { pid: 1n, control: 'abort' }),
      batchAt(4, ['marker'], { pid: 2n, control: 'commit' }),
      batchAt(5, ['after'], { pid: 1n }),
      batchAt(6, ['idempotent'], { pid: 9n, transactional: false }),
    ]

    expect(values(committedBatches(log, [{ producerId: 1n, firstOffset: 1 }]))).toEqual(['plain', 'committed', 'after', 'idempotent'])
  })

  it('drops every record when two aborted transactions were open before the fetch began', () => {
    const log = [batchAt(10, ['x', 'y'], { pid: 1n }), batchAt(12, ['z'], { pid: 2n })]

    expect(
      values(
        committedBatches(log, [
          { producerId: 2n, firstOffset: 4 },
          { producerId: 1n, firstOffset: 3 },
        ]),
      ),
    ).toEqual([])
  })

  it('does not take a record whose key looks like a marker for one', () => {
    const log = [batchAt(0, ['a'], { pid: 1n, key: Buffer.from([0, 0, 0, 0]) }), batchAt(1, ['b'], { pid: 1n })]

    expect(values(committedBatches(log, [{ producerId: 1n, firstOffset: 0 }]))).toEqual([])
  })

  it('tells two aborted transactions of one producer from a committed one between them', () => {
    const log = [
      batchAt(0, ['a'], { pid: 1n }),
      batchAt(1, ['m'], { pid: 1n, control: 'abort' }),
      batchAt(2, ['b'], { pid: 1n }),
      batchAt(3, ['m'], { pid: 1n, control: 'commit' }),
      batchAt(4, ['c'], { pid: 1n }),
      batchAt(5, ['m'], { pid: 1n, control: 'abort' }),
    ]
    const aborted = [
      { producerId: 1n, firstOffset: 0 },
      { producerId: 1n, firstOffset: 4 },
    ]

    expect(values(committedBatches(log, aborted))).toEqual(['b'])
  })
})

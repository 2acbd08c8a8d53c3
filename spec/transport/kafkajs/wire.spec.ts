import { WireReader, WireWriter } from '../../../lib/transport/kafkajs/wire.js'

describe('WireReader', () => {
  it('gives back what WireWriter wrote', () => {
    const long = 'ü'.repeat(400)
    const bytes = new WireWriter()
      .int8(-1)
      .int16(-2)
      .int32(-3)
      .int64(2 ** 53 - 1)
      .int64(-1)
      .string(long)
      .string(null)
      .raw(Buffer.from('abc'))
    bytes.array([1, 2], (n) => bytes.int32(n))
    bytes.compactString(long).compactArray(['a'], (s) => bytes.compactString(s))

    const read = new WireReader(bytes.noTags().finish())

    expect([read.int8(), read.int16(), read.int32(), read.int64(), read.int64()]).toEqual([-1, -2, -3, 2 ** 53 - 1, -1])
    expect([read.string(), read.nullableString(), read.raw().toString()]).toEqual([long, null, 'abc'])
    expect(read.array(() => read.int32())).toEqual([1, 2])
    expect([read.compactString(), read.compactArray(() => read.compactString())]).toEqual([long, ['a']])
    read.tags()
    expect(() => read.int8()).toThrow(RangeError)
  })
})

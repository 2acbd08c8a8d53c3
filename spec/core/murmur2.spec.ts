import fc from 'fast-check'
import { murmur2, partitionOf } from '../../lib/core/murmur2.js'
import { kafkajsMurmur2 } from '../transport/batch/kafkajs-codec.js'

describe('murmur2', () => {
  it.each([
    // from Kafka's own UtilsTest.testMurmur2
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('gives for %s what Java gives', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })

  it('gives for any bytes what kafkajs gives, whatever they are a view of', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(5), (bytes, before) => {
        const view = new Uint8Array([...Array<number>(before).fill(1), ...bytes, 9, 9]).subarray(before, before + bytes.length)

        expect(murmur2(view)).toBe(kafkajsMurmur2(Buffer.from(bytes)))
      }),
    )
  })
})

describe('partitionOf', () => {
  it('makes the hash positive by its mask, as Java does, and takes the remainder', () => {
    expect(partitionOf(Buffer.from('21'), 7)).toBe((-973932308 & 0x7fffffff) % 7)
    expect(partitionOf(Buffer.from('abc'), 4)).toBe(479470107 % 4)
  })
})

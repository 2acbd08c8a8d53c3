import fc from 'fast-check'
import { decodeUserData, encodeUserData } from '../../lib/transport/user-data.js'

const data = fc.record({
  nodeId: fc.string({ unit: 'binary' }),
  held: fc.array(fc.record({ set: fc.nat(300), partition: fc.nat(100_000) })),
})
const sorted = (held: readonly { set: number; partition: number }[]): string[] =>
  [...new Set(held.map(({ set, partition }) => `${set}/${partition}`))].sort()

describe('encodeUserData', () => {
  it('is read back by decodeUserData, whatever a later version appends', () => {
    fc.assert(
      fc.property(data, fc.uint8Array(), (given, future) => {
        const bytes = Buffer.concat([encodeUserData(given), future])

        const read = decodeUserData(bytes)

        expect(read.nodeId).toBe(given.nodeId)
        expect(sorted(read.held)).toEqual(sorted(given.held))
      }),
    )
  })

  it('gives equal bytes for equal content in any order', () => {
    const held = [
      { set: 1, partition: 7 },
      { set: 0, partition: 3 },
      { set: 1, partition: 2 },
    ]

    expect(encodeUserData({ nodeId: 'n', held })).toEqual(encodeUserData({ nodeId: 'n', held: held.toReversed() }))
  })
})

describe('decodeUserData', () => {
  it('takes what it cannot read for a member that holds nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(Array.isArray(decodeUserData(bytes).held)).toBe(true)
      }),
    )
    expect(decodeUserData(Buffer.alloc(0))).toEqual({ nodeId: '', held: [] })
    expect(decodeUserData(encodeUserData({ nodeId: 'n', held: [{ set: 0, partition: 500 }] }).subarray(0, -1))).toEqual({
      nodeId: 'n',
      held: [],
    })
  })
})

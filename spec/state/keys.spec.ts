import { createHash } from 'node:crypto'
import { diskKey, diskRow, readRow } from '../../lib/state/keys.js'

describe('the bytes on disk', () => {
  it('of a key and its row are these for ever', () => {
    expect(diskKey(Buffer.from('mill')).toString('hex')).toBe('016d696c6c')
    expect(diskRow(Buffer.from('mill'), { value: Buffer.from('race'), timestamp: 1 }).toString('hex')).toBe('013ff000000000000072616365')
  })

  it('of a long key are its beginning and its digest, and its row holds all of it', () => {
    const key = Buffer.alloc(1901, 'k')
    expect(diskKey(key)).toEqual(Buffer.concat([Buffer.of(1), key.subarray(0, 1900), createHash('sha256').update(key).digest()]))
    const row = diskRow(key, { value: Buffer.from('race'), timestamp: 1 })
    expect(row).toEqual(Buffer.concat([Buffer.from('023ff00000000000000000076d', 'hex'), key, Buffer.from('race')]))
    expect(readRow(row)).toEqual({ value: Buffer.from('race'), timestamp: 1 })
  })

  it('of a row of a later version are refused', () => {
    expect(() => readRow(Buffer.from('030000000000000000', 'hex'))).toThrow('MR_STATE_FORMAT')
  })
})

import fc from 'fast-check'
import { commitEntry, dataKey, readChangelogEntry, streamTimeEntry } from '../../lib/state/changelog.js'

const bytes = fc.uint8Array({ maxLength: 50 })

describe('readChangelogEntry', () => {
  it('gives back any row, deletions included', () => {
    fc.assert(
      fc.property(bytes, fc.option(bytes), fc.nat(), (key, value, timestamp) => {
        const entry = readChangelogEntry({ key: dataKey(key), value, timestamp })
        expect(entry).toEqual({ _tag: 'Data', key: Buffer.from(key), value: value && Buffer.from(value), timestamp })
      }),
    )
  })

  it('gives back any commit, and takes no row for one', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (writer, number) => {
        const entry = commitEntry({ writer, number })
        expect(readChangelogEntry({ ...entry, timestamp: 0 })).toEqual({ _tag: 'Commit', mark: { writer, number } })
        expect(readChangelogEntry({ key: dataKey(entry.key), value: entry.value, timestamp: 0 })._tag).toBe('Data')
      }),
    )
  })

  it('gives back how far event time had come', () => {
    expect(readChangelogEntry({ ...streamTimeEntry(1_700_000_000_000), timestamp: 0 })).toEqual({
      _tag: 'StreamTime',
      time: 1_700_000_000_000,
    })
    expect(() => readChangelogEntry({ ...streamTimeEntry(0), value: Buffer.from('{"v":2}'), timestamp: 0 })).toThrow(/stream time/)
  })

  it('has these bytes for ever', () => {
    expect(dataKey(Buffer.from('mill')).toString('hex')).toBe('016d696c6c')
    expect(streamTimeEntry(12)).toEqual({ key: Buffer.from('\0stream-time'), value: Buffer.from('{"v":1,"time":12}') })
    expect(commitEntry({ writer: 'w1', number: 7 })).toEqual({
      key: Buffer.from('\0commit'),
      value: Buffer.from('{"v":1,"writer":"w1","number":7}'),
    })
  })

  it('passes over reserved entries of a later version', () => {
    expect(readChangelogEntry({ key: Buffer.from('\0of-tomorrow'), value: null, timestamp: 0 })).toEqual({
      _tag: 'Unknown',
      name: 'of-tomorrow',
    })
  })

  it.each([
    ['no key', { key: null, value: null }],
    ['an empty key', { key: Buffer.of(), value: null }],
    ['an unknown tag', { key: Buffer.of(2, 1), value: null }],
    ['a commit of another version', { key: Buffer.from('\0commit'), value: Buffer.from('{"v":2}') }],
    ['a commit that is not JSON', { key: Buffer.from('\0commit'), value: Buffer.from('x') }],
  ])('refuses %s', (_what, record) => {
    expect(() => readChangelogEntry({ ...record, timestamp: 0 })).toThrow('MR_STATE_FORMAT')
  })
})

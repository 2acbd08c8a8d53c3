import { headersFrom, headersOf, noHeaders, replaceHeaders } from '../../lib/core/headers.js'

const texts = (headers: Iterable<readonly [string, Uint8Array | null]>): [string, string | null][] =>
  [...headers].map(([name, value]) => [name, value && Buffer.from(value).toString()])

describe('headersFrom', () => {
  it('keeps order and duplicates of pairs', () => {
    const headers = headersFrom([
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ])
    expect(texts(headers)).toEqual([
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ])
    expect(headers.text('b')).toBe('3')
    expect(headers.getAll('b')).toEqual([Buffer.from('1'), Buffer.from('3')])
  })
  it('takes an object, strings as UTF-8', () => {
    expect(headersFrom({ name: 'né', none: null }).get('name')).toEqual(Buffer.from('né', 'utf8'))
  })
  it('can be given headers again', () => {
    expect(texts(headersFrom(headersFrom({ a: '1' })))).toEqual([['a', '1']])
  })
})

describe('KHeaders', () => {
  it('tells a null value from no header', () => {
    const headers = headersOf([['a', null]])
    expect(headers.get('a')).toBeNull()
    expect(headers.get('b')).toBeUndefined()
    expect(headers.text('a')).toBeUndefined()
    expect(noHeaders.getAll('a')).toEqual([])
  })
  it('reads an empty value as the empty string', () => {
    expect(headersOf([['a', new Uint8Array()]]).text('a')).toBe('')
  })
})

describe('replaceHeaders', () => {
  it('replaces every header of a name, and keeps the others in their order', () => {
    const base = headersFrom([
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['c', '4'],
    ])
    expect(
      texts(
        replaceHeaders(
          base,
          headersFrom([
            ['a', '5'],
            ['a', '6'],
          ]),
        ),
      ),
    ).toEqual([
      ['b', '2'],
      ['c', '4'],
      ['a', '5'],
      ['a', '6'],
    ])
  })
  it('leaves the headers it was given as they are', () => {
    const base = headersFrom({ a: '1' })
    replaceHeaders(base, headersFrom({ a: '2' }))
    expect(base.text('a')).toBe('1')
  })
})

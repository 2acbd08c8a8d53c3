import { runInNewContext } from 'node:vm'
import { errorCodes, isMillraceError, MillraceError, toError } from '../../lib/core/errors.js'

describe('MillraceError', () => {
  it('says what happened and what to do, and keeps what lay beneath', () => {
    const cause = new Error('ECONNREFUSED')
    const error = new MillraceError('MR_BROKER_UNREACHABLE', 'no broker of localhost:9092 answers', { cause })
    expect(error.message).toBe(
      'MR_BROKER_UNREACHABLE: no broker of localhost:9092 answers. Check `brokers`, the network and the listener names of the cluster.',
    )
    expect(error).toMatchObject({ name: 'MillraceError', code: 'MR_BROKER_UNREACHABLE', retriable: true, cause })
  })
  it.each(errorCodes)('has a hint for %s that is a sentence', (code) => {
    expect(new MillraceError(code, 'x').hint).toMatch(/^[A-Z][^\n]+\.$/)
  })
  it('has these codes: one that goes or changes its name breaks who looks for it', () => {
    expect(errorCodes.join('\n')).toMatchSnapshot()
  })
})

describe('isMillraceError', () => {
  it('holds for a code of ours only', () => {
    const error = new MillraceError('MR_NULL', 'x')
    expect(isMillraceError(error)).toBe(true)
    expect(isMillraceError(error, 'MR_NULL')).toBe(true)
    expect(isMillraceError(error, 'MR_DECODE')).toBe(false)
    expect(isMillraceError(new Error('MR_NULL'))).toBe(false)
  })
})

describe('toError', () => {
  it('keeps errors, also those of another realm', () => {
    const ours = new Error('x')
    const theirs: unknown = runInNewContext('new TypeError("x")')
    expect(toError(ours)).toBe(ours)
    expect(toError(theirs)).toBe(theirs)
  })
  it('makes an error of anything else that can be thrown', () => {
    const bare: unknown = Object.create(null)
    expect(toError('text').message).toBe('text')
    expect(toError(Symbol('s')).message).toBe('Symbol(s)')
    expect(toError(bare).message).toBe('[Object: null prototype] {}')
    expect(toError({ status: 500 })).toMatchObject({ message: '{ status: 500 }', cause: { status: 500 } })
  })
})

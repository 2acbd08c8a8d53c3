import { policy } from '../../lib/topology/policy.js'

describe('policy', () => {
  it('makes plain values, with defaults filled in', () => {
    expect(policy.deadLetter()).toEqual({ _tag: 'DeadLetter', topic: null, consecutive: 1000 })
    expect(policy.deadLetter('dead', { consecutive: 3 })).toEqual({ _tag: 'DeadLetter', topic: 'dead', consecutive: 3 })
    expect(policy.retry({ times: 2, backoff: '1s' }, policy.skip)).toEqual({
      _tag: 'Retry',
      times: 2,
      backoffMs: 1000,
      then: { _tag: 'Skip' },
    })
    const test = () => true
    expect(policy.when(test, policy.fail, policy.skip)).toEqual({ _tag: 'When', test, then: { _tag: 'Fail' }, otherwise: { _tag: 'Skip' } })
  })
  it('refuses what could never work', () => {
    expect(() => policy.deadLetter('no spaces')).toThrow(/MR_NAME_INVALID/)
    expect(() => policy.deadLetter('dead', { consecutive: 0 })).toThrow(/MR_CONFIG: policy.deadLetter: consecutive is 0/)
    expect(() => policy.retry({ times: -1 }, policy.skip)).toThrow(/MR_CONFIG: policy.retry: times is -1/)
    // @ts-expect-error not a duration
    expect(() => policy.retry({ times: 1, backoff: '5 minutes' }, policy.skip)).toThrow(/MR_DURATION/)
  })
})
